import { Readable } from "node:stream";
import { messageOf } from "../../core/errors.ts";
import { type ObjectReply, type ObjectStore, TransferError } from "./object-store.ts";
import { replyRange } from "./reply-range.ts";
import type { S3Folder } from "./s3-client.ts";
import { s3Error } from "./s3-error.ts";

/** A prefix of an S3 bucket as a store. */
export function s3Store(folder: S3Folder): ObjectStore {
  const { client, bucket, location, keyOf, urlOf } = folder;
  return {
    location,
    urlOf,
    async get(name, { start, end, version, signal }): Promise<ObjectReply> {
      const { GetObjectCommand } = await import("@aws-sdk/client-s3");
      const isPart = start > 0 || end !== undefined;
      const command = new GetObjectCommand({
        Bucket: bucket,
        Key: keyOf(name),
        ...(isPart ? { Range: `bytes=${start}-${end === undefined ? "" : end - 1}` } : {}),
        ...(isPart && version !== undefined ? { IfMatch: version } : {}),
      });
      const reply = await client.send(command, { abortSignal: signal }).catch((thrown: unknown) => {
        throw s3Error(thrown, urlOf(name));
      });
      if (!(reply.Body instanceof Readable)) throw new TransferError("a reply without a body");
      return {
        ...replyRange({
          isWhole: reply.ContentRange === undefined,
          contentRange: reply.ContentRange,
          contentLength: reply.ContentLength,
        }),
        version: reply.ETag,
        contentType: reply.ContentType,
        body: readBody(reply.Body, signal),
      };
    },
  };
}

/** Aborting the SDK's signal has no effect after the headers, so the body is watched here. */
async function* readBody(body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const end = () => body.destroy(new TransferError("the request was aborted"));
  signal.addEventListener("abort", end, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of body) yield chunk as Uint8Array;
  } catch (thrown) {
    throw new TransferError(messageOf(thrown), { cause: thrown });
  } finally {
    signal.removeEventListener("abort", end);
    body.destroy();
  }
}
