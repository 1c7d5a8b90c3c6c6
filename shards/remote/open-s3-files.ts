import { Cifar5mError } from "../../core/errors.ts";
import { once } from "../../core/once.ts";
import type { ObjectFiles } from "../../storage/object-files.ts";
import { spool } from "../../storage/spool.ts";
import { retryRequest } from "./retry-request.ts";
import { openS3Folder, type S3Folder } from "./s3-client.ts";
import { s3Error } from "./s3-error.ts";
import { noConditions, s3Files } from "./s3-files.ts";
import type { S3Options } from "./s3-options.ts";
import type { TransferPolicy } from "./transfer-options.ts";

/** Written once, so that every worker can see whether its server would let it be overwritten. */
const probeName = "conditional-writes.txt";
const probeText = "Workers of cifar5m try to overwrite this file. They refuse to work in a bucket that lets them.\n";
const probeNote = '{"a":"note"}';
/** The version of no object. */
const noVersion = `"${"0".repeat(32)}"`;

/**
 * Opens `s3://bucket/prefix` for workers that share nothing else. Before the first write, it makes sure that the server
 * keeps conditions and metadata; the write throws `store/no-conditional-writes` or `store/no-metadata` if not.
 * @param options.policy - how persistently it requests once the bucket has answered; by default for about 15 minutes
 * @param options.signal - ends waits for another attempt
 * @throws Cifar5mError `store/not-found` without such a bucket; `store/forbidden`, …
 */
export async function openS3Files(
  location: string,
  s3: S3Options = {},
  options: { readonly policy?: TransferPolicy; readonly signal?: AbortSignal | undefined } = {},
): Promise<ObjectFiles> {
  const folder = await openS3Folder(location, s3);
  await requireBucket(folder, options.signal);
  const files = s3Files(folder, options);
  const probe = once(() => requireConditions(files));
  return {
    ...files,
    write: async (...args) => {
      await probe();
      return await files.write(...args);
    },
  };
}

/**
 * A missing object and a missing bucket look alike to most requests, and only some replies say what is wrong. An address
 * may be mistyped, so this request is soon given up.
 */
async function requireBucket(
  { client, bucket, location, keyOf }: S3Folder,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { ListObjectsV2Command } = await import("@aws-sdk/client-s3");
  const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: keyOf(""), MaxKeys: 1 });
  await retryRequest(location, { signal }, () =>
    client.send(command).catch((thrown: unknown) => {
      throw s3Error(thrown, location);
    }),
  );
}

/** Some servers ignore conditions without a word, or drop metadata. Workers would replace each other's data there. */
async function requireConditions(files: ObjectFiles): Promise<void> {
  const path = `${files.root}/${probeName}`;
  const probe = await spool((sink) => sink.write(probeText));
  const isNew = await files.write(path, probe, { condition: "if-absent", note: probeNote });
  if ((await files.find(path))?.note !== probeNote) {
    throw new Cifar5mError(
      "store/no-metadata",
      `${files.root} must keep the metadata of objects, which hold the receipts of units, and its server drops them. ` +
        "Use a server that keeps them, or a run folder that all workers see.",
    );
  }
  if (isNew && (await files.write(path, probe, { condition: "if-absent" }))) {
    throw noConditions(files.root, "let an existing object be written as a new one");
  }
  if (await files.write(path, probe, { condition: { ifVersion: noVersion } })) {
    throw noConditions(files.root, "let another version than the named one be replaced");
  }
}
