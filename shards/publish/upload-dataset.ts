import pLimit from "p-limit";
import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { diskError } from "../../storage/disk-error.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { joinPath } from "../../storage/join-path.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { parseFolder } from "../../storage/parse-location.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { readRegularFile } from "../../storage/regular-file.ts";
import { sha256 } from "../../storage/sha256.ts";
import { flagsName, parseUsableFlags, tableEntry, wrongTable } from "../format/flags.ts";
import { type Manifest, manifestName, type ShardEntry, splitNames } from "../format/manifest.ts";
import { readManifest } from "../format/manifest-file.ts";
import type { S3Options } from "../remote/s3-options.ts";
import { openTarget } from "./open-target.ts";
import { retryUpload } from "./retry-upload.ts";
import { UploadClaim } from "./upload-claim.ts";
import { uploadCompanions } from "./upload-companions.ts";
import type { UploadTarget } from "./upload-target.ts";

/** Number of shards that are uploaded at once. Each is in memory for that time. */
const numUploads = 4;

/** What an upload did with a shard. */
export interface UploadedShard {
  readonly entry: ShardEntry;
  /** `kept`: the target already had the shard with these bytes. */
  readonly outcome: "uploaded" | "kept";
}

/**
 * Publishes a finished data set elsewhere: every shard, each checked at the target, the card if there is one, then the
 * manifest. So readers who see the manifest find all shards. The same call continues an interrupted upload and keeps the
 * files that have the right bytes. A set that has grown takes the place of what it was: shards that are there stay as they
 * are.
 *
 * Several processes may each send a share. The first one then sends what the others have not sent yet, and the rest.
 * @param options.directory - the folder that holds manifest.json, also as `file://`
 * @param options.to - `s3://bucket/prefix`, or a folder, also as `file://`
 * @param options.share - which part of the shards this process sends; by default all
 * @throws Cifar5mError `flags/…` before a shard is sent, if the flags beside the manifest cannot be read;
 *   `publish/other-dataset` if another data set is published there, `publish/not-kept`;
 *   `shard/hash-mismatch` if a shard here is damaged; `store/…`, `manifest/…`, `disk/…`; the signal's reason
 */
export async function uploadDataset(options: {
  readonly directory: string;
  readonly to: string;
  readonly signal?: AbortSignal;
  readonly s3?: S3Options;
  readonly share?: { readonly rank: number; readonly worldSize: number };
  readonly onShard?: (shard: UploadedShard) => void;
}): Promise<Manifest> {
  const { signal = new AbortController().signal, onShard, share = { rank: 0, worldSize: 1 } } = options;
  const isMounted = objectsAt(options.directory) !== undefined;
  const directory = isMounted ? options.directory : parseFolder(options.directory, "the set that is uploaded");
  const manifest = await readManifest(directory);
  if (share.rank === 0) await requireUploadableFlags(directory, manifest);
  const target = await openTarget(options.to, options.s3 === undefined ? {} : { s3: options.s3 });
  const text = sealJson(manifest);
  const claim = new UploadClaim(target, manifest, signal);
  const isPublished = await claim.isPublished();
  if (!isPublished) await claim.hold();
  const upload = { target, directory, hold: async () => (isPublished ? undefined : await claim.hold()) };
  const entries = splitNames.flatMap((split) => manifest.splits[split].shards);
  const ofRank = (isOurs: boolean) => entries.filter((_, index) => (index % share.worldSize === share.rank) === isOurs);
  await uploadShards(upload, ofRank(true), signal, onShard);
  if (share.rank > 0) {
    if (await claim.isPublished()) await claim.release();
    return manifest;
  }
  // From the end, so that this process and the others meet as late as possible.
  await uploadShards(upload, ofRank(false).reverse(), signal, onShard);
  await uploadCompanions({ ...upload, signal });
  await uploadFlags(upload, manifest, signal);
  if (!isPublished) {
    await claim.hold();
    await putManifest(target, text, claim, signal);
    // If two uploaders can claim a target at once, the other may have overwritten a shard after our check, until it saw
    // our claim.
    if (!target.isExclusive) await uploadShards(upload, entries, signal);
  }
  await claim.release();
  return manifest;
}

interface Upload {
  readonly target: UploadTarget;
  readonly directory: string;
  /** Makes sure that the target is ours, before a file is written there. */
  readonly hold: () => Promise<void>;
}

async function uploadShards(
  upload: Upload,
  entries: readonly ShardEntry[],
  signal: AbortSignal,
  onShard?: (shard: UploadedShard) => void,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const outcomes = await pLimit(numUploads).map(entries, async (entry) => {
    try {
      const outcome = await uploadShard(upload, entry, either);
      onShard?.({ entry, outcome });
      return undefined;
    } catch (thrown) {
      failed.abort(thrown);
      return thrown;
    }
  });
  // The first error is the cause of the others.
  if (outcomes.some((thrown) => thrown !== undefined)) throw signal.aborted ? signal.reason : failed.signal.reason;
}

async function putManifest(target: UploadTarget, text: string, claim: UploadClaim, signal: AbortSignal): Promise<void> {
  const send = async () => {
    if (!(await claim.isOutdated())) return await target.putNew(manifestName, text, signal);
    const data = Buffer.from(text);
    await target.put({ file: manifestName, bytes: data.byteLength, sha256: sha256(data) }, data, signal);
    return true;
  };
  const isNew = await retryUpload(target, manifestName, signal, send);
  // Check even if the manifest was new: after a lost reply we ask twice, and the second answer is that it exists.
  if (await claim.isPublished()) return;
  throw new Cifar5mError(
    "publish/not-kept",
    `${target.urlOf(manifestName)} must exist after it was ${isNew ? "sent" : "refused as existing"}, and does not. Run again.`,
  );
}

async function uploadShard(
  { target, directory, hold }: Upload,
  entry: ShardEntry,
  signal: AbortSignal,
): Promise<UploadedShard["outcome"]> {
  let read: Promise<Uint8Array> | undefined;
  const data = () => {
    read ??= readShardBytes(directory, entry);
    return read;
  };
  const holds = () => retryUpload(target, entry.file, signal, () => target.holds(entry, data, signal));
  if (await holds()) return "kept";
  const bytes = await data();
  await hold();
  await retryUpload(target, entry.file, signal, () => target.put(entry, bytes, signal));
  if (await holds()) return "uploaded";
  throw new Cifar5mError(
    "publish/not-kept",
    `${target.urlOf(entry.file)} must have sha256 ${shortHash(entry.sha256)} after the upload, it has not. Check that nobody else writes there, then run again.`,
  );
}

/** The flags of an audit of the whole set, if there are any. @throws Cifar5mError `flags/…`, `json/corrupt`, `disk/…` */
async function readUsableFlags(directory: string, manifest: Manifest) {
  const path = joinPath(directory, flagsName);
  const text = await readTextIfAny(path);
  const flags = text === undefined ? undefined : parseUsableFlags(text, manifest, path);
  return text === undefined || flags === undefined ? undefined : { text, flags };
}

/** Makes sure that the flags can be uploaded, before the hours that the shards may take. Throws as `readUsableFlags`. */
async function requireUploadableFlags(directory: string, manifest: Manifest): Promise<void> {
  const found = await readUsableFlags(directory, manifest);
  if (found === undefined) return;
  const { file, sha256: wanted } = tableEntry(found.flags);
  const table = await hashFile(joinPath(directory, file));
  if (table.sha256 === wanted) return;
  throw wrongTable(
    joinPath(directory, file),
    `is sha256 ${shortHash(table.sha256)}, ${flagsName} says ${shortHash(wanted)}`,
  );
}

/** Uploads the flags of an audit of the whole set, if there are any: the table, then its description. */
async function uploadFlags(upload: Upload, manifest: Manifest, signal: AbortSignal): Promise<void> {
  const found = await readUsableFlags(upload.directory, manifest);
  if (found === undefined) return;
  const { text, flags } = found;
  await uploadShard(upload, tableEntry(flags), signal);
  const description = Buffer.from(text);
  const entry = { file: flagsName, bytes: description.length, sha256: sha256(description) };
  await upload.hold();
  await retryUpload(upload.target, flagsName, signal, () => upload.target.put(entry, description, signal));
}

/** Reads a shard and checks it, so that a damaged shard is not published. */
async function readShardBytes(directory: string, entry: ShardEntry): Promise<Uint8Array> {
  const path = joinPath(directory, entry.file);
  const data = await readRegularFile(path).catch((thrown: unknown) => {
    throw diskError(thrown, "read", path);
  });
  const found = sha256(data);
  if (found === entry.sha256) return data;
  throw new Cifar5mError(
    "shard/hash-mismatch",
    `${path} is sha256 ${shortHash(found)}, the manifest says ${shortHash(entry.sha256)}. ${damagedFileAdvice}`,
  );
}
