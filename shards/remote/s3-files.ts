import { Readable } from "node:stream";
import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import pLimit from "p-limit";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import type { ObjectFiles } from "../../storage/object-files.ts";
import { ContentError, TransferError } from "./object-store.ts";
import { receiveObject } from "./receive-object.ts";
import { retryRequest } from "./retry-request.ts";
import type { S3Folder } from "./s3-client.ts";
import { s3Error, s3StatusOf } from "./s3-error.ts";
import { headObject } from "./s3-head.ts";
import { s3Store } from "./s3-store.ts";
import { unreachable } from "./transfer-failure.ts";
import { patientTransfer, resolveTransfer, type TransferPolicy } from "./transfer-options.ts";

/** Metadata of an object that holds its note. */
const noteKey = "cifar5m-receipt";
/** How often an object is read again that another process replaced meanwhile. */
const maxRereads = 5;

/**
 * A prefix of an S3 bucket as files that several workers write.
 * @param options.policy - how persistently; by default for about 15 minutes
 * @param options.signal - ends waits for another attempt. Requests of later, which clean up, are tried a few times
 */
export function s3Files(
  folder: S3Folder,
  options: { readonly policy?: TransferPolicy; readonly signal?: AbortSignal | undefined } = {},
): ObjectFiles {
  const { client, bucket, location: root, keyOf } = folder;
  const { policy = patientTransfer, signal: ending } = options;
  const limit = pLimit(policy.maxRequests);
  const store = s3Store(folder);
  const never = new AbortController().signal;
  const nameOf = (path: string) => path.slice(root.length + 1);
  const at = (path: string) => ({ Bucket: bucket, Key: keyOf(nameOf(path)) });
  const retrying = (): { readonly policy: TransferPolicy; readonly signal?: AbortSignal | undefined } =>
    ending?.aborted === true ? { policy: resolveTransfer() } : { policy, signal: ending };
  /** Requests until there is an answer. @param absent - the answer to 404 */
  const request = <Reply, Absent>(path: string, send: () => Promise<Reply>, absent?: () => Absent) =>
    retryRequest<Reply | Absent>(path, retrying(), () =>
      send().catch((thrown: unknown) => {
        if (thrown instanceof Cifar5mError) throw thrown;
        const isAbsent = s3StatusOf(thrown) === 404 && !(thrown instanceof Error && thrown.name === "NoSuchBucket");
        if (isAbsent && absent !== undefined) return absent();
        throw s3Error(thrown, path);
      }),
    );

  /** Receives an object by one request, as long as the connection holds. */
  const receiveAtOnce = async (path: string): Promise<Buffer | "broken" | undefined> => {
    const { GetObjectCommand } = await import("@aws-sdk/client-s3");
    const send = () => client.send(new GetObjectCommand(at(path)));
    const reply = await request(path, send, () => undefined);
    if (reply === undefined) return undefined;
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of reply.Body as Readable) pieces.push(piece);
    } catch {
      return "broken";
    }
    const bytes = Buffer.concat(pieces);
    return bytes.length === reply.ContentLength ? bytes : "broken";
  };

  const files: ObjectFiles = {
    root,
    async find(path) {
      const found = await request(
        path,
        () => headObject(client, at(path)),
        () => undefined,
      );
      return found === undefined
        ? undefined
        : {
            bytes: found.ContentLength ?? 0,
            version: found.ETag ?? "",
            modifiedMs: found.LastModified?.getTime() ?? 0,
            note: found.Metadata?.[noteKey],
          };
    },
    async read(path) {
      const whole = await receiveAtOnce(path);
      if (whole !== "broken") return whole;
      for (let rereads = 0; ; rereads++) {
        const found = await files.find(path);
        if (found === undefined) return undefined;
        const pieces: Uint8Array[] = [];
        try {
          const { policy: tries, signal = never } = retrying();
          const job = { store, name: nameOf(path), bytes: found.bytes, policy: tries, limit, signal };
          for await (const piece of receiveObject(job)) pieces.push(piece);
          return Buffer.concat(pieces);
        } catch (thrown) {
          if (thrown instanceof TransferError) throw unreachable(path, "broke off too often", thrown);
          const isReplaced = thrown instanceof ContentError || hasCode(thrown, "store/not-found");
          if (!isReplaced || rereads === maxRereads) throw thrown;
        }
      }
    },
    async write(path, data, { condition, note } = {}) {
      const { PutObjectCommand } = await import("@aws-sdk/client-s3");
      const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");
      const send = async () => {
        const body = data.open();
        const failure = new AbortController();
        // The SDK listens to no error of a body, and would wait for the rest of it.
        if (body instanceof Readable) {
          body.on("error", (thrown) => failure.abort(thrown));
        }
        const command = new PutObjectCommand({
          ...at(path),
          Body: body,
          ContentLength: data.bytes,
          // Some servers check the one on arrival, some the other.
          ContentMD5: base64(data.md5),
          ChecksumSHA256: base64(data.sha256),
          ...(note === undefined ? {} : { Metadata: { [noteKey]: note } }),
          ...(condition === "if-absent" ? { IfNoneMatch: "*" } : {}),
          ...(typeof condition === "object" ? { IfMatch: condition.ifVersion } : {}),
        });
        try {
          await client.send(command, { abortSignal: failure.signal });
          return true;
        } catch (thrown) {
          failure.signal.throwIfAborted();
          const status = s3StatusOf(thrown);
          if (condition !== undefined && status === 412) return false;
          // Another conditional write of the same name is under way.
          if (condition !== undefined && status === 409) throw new TransferError("HTTP status 409");
          if (condition !== undefined && status === 501) throw noConditions(root, "answers 501 to one");
          throw thrown;
        } finally {
          if (body instanceof Readable) body.destroy();
        }
      };
      // To replace a version of what is gone is refused with 404.
      return await request(path, send, typeof condition === "object" ? () => false : undefined);
    },
    async remove(path) {
      const { DeleteObjectCommand } = await import("@aws-sdk/client-s3");
      await request(
        path,
        () => client.send(new DeleteObjectCommand(at(path))),
        () => undefined,
      );
    },
    async list(path) {
      const { ListObjectsV2Command } = await import("@aws-sdk/client-s3");
      const prefix = path === root && keyOf("") === "" ? "" : `${keyOf(nameOf(path)).replace(/\/$/, "")}/`;
      const names: string[] = [];
      let token: string | undefined;
      do {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          Delimiter: "/",
          ...(token === undefined ? {} : { ContinuationToken: token }),
        });
        const page: ListObjectsV2CommandOutput = await request(path, () => client.send(command));
        names.push(...(page.Contents ?? []).map(({ Key = "" }) => Key.slice(prefix.length)));
        names.push(...(page.CommonPrefixes ?? []).map(({ Prefix = "" }) => Prefix.slice(prefix.length, -1)));
        // Some servers send an empty one with the last page.
        token = page.NextContinuationToken || undefined;
      } while (token !== undefined);
      return names.filter((name) => name !== "");
    },
  };
  return files;
}

/** The error for a server without conditional writes. @param what - that it does, to follow "the server" */
export function noConditions(root: string, what: string): Cifar5mError {
  return new Cifar5mError(
    "store/no-conditional-writes",
    `${root} must refuse a PUT whose condition is not met (If-None-Match, If-Match), and the server ${what}. Workers would ` +
      "overwrite each other there: use a server that knows conditions, or a run folder that all workers see.",
  );
}
