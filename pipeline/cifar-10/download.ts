import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cifar5mError } from "../../core/errors.ts";
import { abortStalled } from "../../shards/remote/abort-stalled.ts";
import { httpStore } from "../../shards/remote/http-store.ts";
import { ContentError, type ObjectReply, TransferError } from "../../shards/remote/object-store.ts";
import { refusalOf } from "../../shards/remote/refusal.ts";
import { diskError } from "../../storage/disk-error.ts";
import { makeFolder, syncFile } from "../../storage/durable-folder.ts";

/** A file on a server. */
export interface Download {
  readonly url: string;
  /** Hexadecimal md5 of the whole file. */
  readonly md5: string;
  /** Path of the file. If an interrupted download left a part of it, the part is continued. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Number of connections in a row without progress before giving up, default 5. */
  readonly maxFailures?: number;
  /** Wait before a new connection, default 1,000; doubled after every failure in a row. */
  readonly retryMs?: number;
  /** A connection without data for this long counts as lost, default 30,000. */
  readonly idleMs?: number;
  readonly onBytes?: (received: number, total: number | undefined) => void;
}

/**
 * Downloads a file and checks it. A dropped connection is continued where it broke off, by a Range request; a later
 * call does the same. Bytes are written at their positions, so two processes at once write the same file. If one of them
 * removes it when it is done, the other may end with `disk/missing`.
 * @throws Cifar5mError `download/failed` after several failures in a row, `download/refused`, `download/wrong-checksum`,
 *   `disk/…`
 */
export async function download(options: Download): Promise<void> {
  const { path, url, md5 } = options;
  let actual: string;
  try {
    await makeFolder(dirname(path));
    const handle = await open(path, "r+").catch(() => open(path, "w+"));
    try {
      await receiveAll(options, handle);
      await syncFile(handle);
    } finally {
      await handle.close();
    }
    actual = await md5Of(path);
  } catch (thrown) {
    throw diskError(thrown, "write", path);
  }
  if (actual === md5) return;
  await rm(path, { force: true });
  throw new Cifar5mError(
    "download/wrong-checksum",
    `${url} must have md5 ${md5}, got ${actual}; it was deleted. Run again, or give the archive with --data FILE.`,
  );
}

/** Connects until the file is complete. `p-retry` would count all failures, not those in a row. */
async function receiveAll(options: Download, handle: FileHandle): Promise<void> {
  const { maxFailures = 5, retryMs = 1000, signal, url } = options;
  const request = openRemoteFile(url);
  for (let failures = 0; ; ) {
    const before = (await handle.stat()).size;
    try {
      return await receiveRest(options, handle, before, request);
    } catch (thrown) {
      if (!(thrown instanceof TransferError)) throw thrown;
      const { size } = await handle.stat();
      failures = size > before ? 1 : failures + 1;
      if (failures < maxFailures) {
        await sleep(retryMs * 2 ** (failures - 1), undefined, { signal });
        continue;
      }
      throw new Cifar5mError(
        "download/failed",
        `${url} failed ${failures} times in a row, last with: ${thrown.message}. ` +
          `Run again to continue at byte ${size}, or give the archive with --data FILE.`,
        { cause: thrown },
      );
    }
  }
}

/** Receives the bytes from `start` on from one connection. */
async function receiveRest(options: Download, handle: FileHandle, start: number, request: RequestRest): Promise<void> {
  const { signal, idleMs = 30_000, onBytes } = options;
  await abortStalled(idleMs, signal, async (ends, onChunk) => {
    const reply = await request(start, ends);
    if (reply === undefined) return;
    // The server knows no ranges, or the file has changed.
    if (reply.start !== start) await handle.truncate(0);
    let position = reply.start;
    for await (const chunk of reply.body) {
      onChunk();
      await writeAt(handle, chunk, position);
      position += chunk.length;
      onBytes?.(position, reply.totalBytes);
    }
    if (reply.totalBytes !== undefined && position < reply.totalBytes) {
      throw new TransferError(`connection closed at byte ${position} of ${reply.totalBytes}`);
    }
  });
}

/** Asks for the bytes from `start` on. @returns undefined if there are none */
type RequestRest = (start: number, signal: AbortSignal) => Promise<ObjectReply | undefined>;

function openRemoteFile(url: string): RequestRest {
  const folder = new URL(url);
  const nameStart = folder.pathname.lastIndexOf("/") + 1;
  const name = folder.pathname.slice(nameStart);
  folder.pathname = folder.pathname.slice(0, nameStart);
  const store = httpStore(folder.href, { refusalOf: refusalOfFile });
  let version: string | undefined;
  return async (start, signal) => {
    try {
      const reply = await store.get(name, { start, end: undefined, version, signal });
      version = reply.version;
      return reply;
    } catch (thrown) {
      if (thrown instanceof ContentError) return undefined;
      throw thrown;
    }
  };
}

function refusalOfFile(url: string, status: number): Error {
  const refusal = refusalOf(url, status);
  if (!(refusal instanceof Cifar5mError)) return refusal;
  return new Cifar5mError(
    "download/refused",
    `${url} must answer with 200 or 206, got ${status}. Check the address, or give the archive with --data FILE.`,
  );
}

async function writeAt(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
