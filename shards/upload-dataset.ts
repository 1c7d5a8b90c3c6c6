import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";
import pRetry from "p-retry";
import { BuilderError } from "../core/errors.ts";
import { sealJson, sha256 } from "./canonical-json.ts";
import { diskError } from "./disk-error.ts";
import { type Manifest, manifestName, readManifest, type ShardEntry, splitNames } from "./manifest.ts";
import { openTarget } from "./open-target.ts";
import { TransferError } from "./remote/object-store.ts";
import { unreachable } from "./remote/remote-source.ts";
import type { S3Options } from "./remote/s3-client.ts";
import { resolveTransfer } from "./remote/transfer-options.ts";
import type { UploadTarget } from "./upload-target.ts";

/** Shards on their way at once; each is in memory for that time. */
const numUploads = 4;

/** What an upload did with a shard. */
export interface UploadedShard {
  readonly entry: ShardEntry;
  /** `kept`: it was there with these bytes. */
  readonly outcome: "uploaded" | "kept";
}

/**
 * Publishes a finished data set elsewhere: every shard, each checked there, then the manifest. Whoever sees the manifest
 * finds all shards. Call it again to go on after an interruption: what is there with the right bytes is kept.
 * @param options.directory - the folder that holds manifest.json
 * @param options.to - `s3://bucket/prefix`, or a folder, also as `file://`
 * @throws BuilderError `publish/other-dataset` if another data set is published there, `publish/not-kept`;
 *   `shard/hash-mismatch` if a shard here is damaged; `store/…`, `manifest/…`, `disk/…`; the signal's reason
 */
export async function uploadDataset(options: {
  readonly directory: string;
  readonly to: string;
  readonly signal: AbortSignal;
  readonly s3?: S3Options;
  readonly onShard?: (shard: UploadedShard) => void;
}): Promise<Manifest> {
  const { directory, signal } = options;
  const manifest = await readManifest(directory);
  const target = await openTarget(options.to, options.s3 === undefined ? {} : { s3: options.s3 });
  const text = sealJson(manifest);
  const isPublished = await isSamePublished(target, text, signal);
  const entries = splitNames.flatMap((split) => manifest.splits[split].shards);
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const outcomes = await pLimit(numUploads).map(entries, async (entry) => {
    try {
      options.onShard?.({ entry, outcome: await uploadShard(target, directory, entry, either) });
      return undefined;
    } catch (thrown) {
      failed.abort(thrown);
      return thrown;
    }
  });
  // The first one is the cause of the others.
  if (outcomes.some((thrown) => thrown !== undefined)) throw signal.aborted ? signal.reason : failed.signal.reason;
  if (isPublished) return manifest;
  const isNew = await retry(target, manifestName, signal, () => target.putNew(manifestName, text, signal));
  // Also where it was new: a reply that was lost makes us ask twice, and the second answer is that it is there.
  const isThere = await isSamePublished(target, text, signal);
  if (isThere) return manifest;
  throw new BuilderError(
    "publish/not-kept",
    `${target.urlOf(manifestName)} must be there after it was ${isNew ? "sent" : "refused as existing"}, and is not. Run again.`,
  );
}

/** @throws BuilderError `publish/other-dataset` */
async function isSamePublished(target: UploadTarget, text: string, signal: AbortSignal): Promise<boolean> {
  const found = await retry(target, manifestName, signal, () => target.readText(manifestName, signal));
  if (found === undefined || found === text) return found === text;
  // Its readers would find our shards under the names of theirs.
  throw new BuilderError(
    "publish/other-dataset",
    `${target.location} must be empty or hold this data set, it holds another one (see its ${manifestName}). ` +
      `Name another place, or delete that ${manifestName} once nobody reads it.`,
  );
}

async function uploadShard(
  target: UploadTarget,
  directory: string,
  entry: ShardEntry,
  signal: AbortSignal,
): Promise<UploadedShard["outcome"]> {
  let read: Promise<Uint8Array> | undefined;
  const data = () => {
    read ??= readShardBytes(directory, entry);
    return read;
  };
  const holds = () => retry(target, entry.file, signal, () => target.holds(entry, data, signal));
  if (await holds()) return "kept";
  const bytes = await data();
  await retry(target, entry.file, signal, () => target.put(entry, bytes, signal));
  if (await holds()) return "uploaded";
  throw new BuilderError(
    "publish/not-kept",
    `${target.urlOf(entry.file)} must have sha256 ${entry.sha256.slice(0, 12)}… after the upload, it has not. Check that nobody else writes there, then run again.`,
  );
}

/** A damaged shard must not travel. */
async function readShardBytes(directory: string, entry: ShardEntry): Promise<Uint8Array> {
  const path = join(directory, entry.file);
  const data = await readFile(path).catch((thrown: unknown) => {
    throw diskError(thrown, "read", path);
  });
  const found = sha256(data);
  if (found === entry.sha256) return data;
  throw new BuilderError(
    "shard/hash-mismatch",
    `${path} is sha256 ${found.slice(0, 12)}…, the manifest says ${entry.sha256.slice(0, 12)}…. Delete it and publish again to rebuild it.`,
  );
}

async function retry<Value>(
  target: UploadTarget,
  name: string,
  signal: AbortSignal,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const policy = resolveTransfer();
  try {
    return await pRetry(attempt, {
      signal,
      retries: policy.tries - 1,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.maxDelayMs,
      maxRetryTime: policy.totalMs,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TransferError,
    });
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof TransferError)) throw thrown;
    throw unreachable(target.urlOf(name), `failed ${policy.tries} times`, thrown);
  }
}
