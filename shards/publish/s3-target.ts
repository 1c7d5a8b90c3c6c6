import { createHash } from "node:crypto";
import { extname } from "node:path";
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import pLimit from "p-limit";
import { ContentError, TransferError } from "../remote/object-store.ts";
import { receiveObject } from "../remote/receive-object.ts";
import type { S3Folder } from "../remote/s3-client.ts";
import { s3Error, s3StatusOf } from "../remote/s3-error.ts";
import { headObject } from "../remote/s3-head.ts";
import { s3Store } from "../remote/s3-store.ts";
import { resolveTransfer } from "../remote/transfer-options.ts";
import type { KnownFile, UploadTarget } from "./upload-target.ts";

/** Content types of the files that people open, by extension. */
const contentTypes: Readonly<Record<string, string>> = {
  ".md": "text/markdown; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
};

/** A prefix of an S3 bucket as the target of an upload. */
export function s3Target(folder: S3Folder): UploadTarget {
  const { client, bucket, location, keyOf, urlOf } = folder;
  const store = s3Store(folder);
  const limit = pLimit(8);
  const policy = resolveTransfer();
  const put = async (name: string, data: Uint8Array, extra: object, signal: AbortSignal) => {
    const { PutObjectCommand } = await import("@aws-sdk/client-s3");
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: keyOf(name),
      Body: data,
      ContentLength: data.byteLength,
      // Some servers check this md5 on arrival; for the others, `holds` asks afterwards.
      ContentMD5: createHash("md5").update(data).digest("base64"),
      ChecksumSHA256: createHash("sha256").update(data).digest("base64"),
      ...extra,
    });
    return await client.send(command, { abortSignal: signal });
  };
  /** The hash of the stored bytes, which are read back. */
  const hashStored = async ({ file, bytes }: KnownFile, signal: AbortSignal) => {
    const hash = createHash("sha256");
    try {
      for await (const piece of receiveObject({ store, name: file, bytes, policy, limit, signal })) hash.update(piece);
    } catch (thrown) {
      // Another uploader has replaced it meanwhile. The next attempt reads one version.
      if (thrown instanceof ContentError) throw new TransferError(thrown.message, { cause: thrown });
      throw thrown;
    }
    return hash.digest("hex");
  };
  return {
    location,
    urlOf,
    async readText(name, signal) {
      const { GetObjectCommand } = await import("@aws-sdk/client-s3");
      try {
        const reply = await client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(name) }), {
          abortSignal: signal,
        });
        return await reply.Body?.transformToString();
      } catch (thrown) {
        if (thrown instanceof Error && thrown.name === "NoSuchKey") return undefined;
        throw s3Error(thrown, urlOf(name));
      }
    },
    async holds(known, data, signal) {
      const asked = { Bucket: bucket, Key: keyOf(known.file), ChecksumMode: "ENABLED" } as const;
      let found: HeadObjectCommandOutput;
      try {
        found = await headObject(client, asked, { abortSignal: signal });
      } catch (thrown) {
        if (s3StatusOf(thrown) === 404) return false;
        throw s3Error(thrown, urlOf(known.file));
      }
      if (found.ContentLength !== known.bytes) return false;
      if (found.ChecksumSHA256 === Buffer.from(known.sha256, "hex").toString("base64")) return true;
      // The ETag is the md5 of the received bytes, unless the server encrypts them or received them in parts.
      const md5 = createHash("md5")
        .update(await data())
        .digest("hex");
      return found.ETag === `"${md5}"` || (await hashStored(known, signal)) === known.sha256;
    },
    async put({ file }, data, signal) {
      try {
        const type = contentTypes[extname(file)];
        await put(file, data, type === undefined ? {} : { ContentType: type }, signal);
      } catch (thrown) {
        throw s3Error(thrown, urlOf(file));
      }
    },
    async putNew(name, text, signal) {
      const data = Buffer.from(text);
      const type = { ContentType: "application/json" };
      try {
        await put(name, data, { ...type, IfNoneMatch: "*" }, signal);
        return true;
      } catch (thrown) {
        const status = s3StatusOf(thrown);
        if (status === 412) return false;
        if (status === 409) throw new TransferError("another conditional write of the same name");
        // The server does not know conditional writes. The caller has checked beforehand.
        if (status !== 501) throw s3Error(thrown, urlOf(name));
      }
      await put(name, data, type, signal).catch((thrown: unknown) => {
        throw s3Error(thrown, urlOf(name));
      });
      return true;
    },
    // Some servers silently ignore the condition.
    isExclusive: false,
    async remove(name, signal) {
      const { DeleteObjectCommand } = await import("@aws-sdk/client-s3");
      try {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(name) }), { abortSignal: signal });
      } catch (thrown) {
        throw s3Error(thrown, urlOf(name));
      }
    },
  };
}
