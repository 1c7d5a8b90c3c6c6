import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
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
 * @throws Cifar5mError `download/failed` after several failures in a row, `download/wrong-checksum`, `disk/…`
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

async function receiveAll(options: Download, handle: FileHandle): Promise<void> {
  const { maxFailures = 5, retryMs = 1000, signal, url } = options;
  for (let failures = 0; ; ) {
    const before = (await handle.stat()).size;
    try {
      if (await receive(options, handle, before)) return;
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof Cifar5mError || isDiskError(thrown)) throw thrown;
      failures = (await handle.stat()).size > before ? 1 : failures + 1;
      if (failures < maxFailures) {
        await sleep(retryMs * 2 ** (failures - 1), undefined, { signal });
        continue;
      }
      throw new Cifar5mError(
        "download/failed",
        `${url} failed ${failures} times in a row, last with: ${causeOf(thrown)}. ` +
          `Run again to continue at byte ${before}, or give the archive with --data FILE.`,
        { cause: thrown },
      );
    }
  }
}

/** Receives from one connection. @returns whether the file is complete */
async function receive(options: Download, handle: FileHandle, start: number): Promise<boolean> {
  const { url, signal, idleMs = 30_000, onBytes } = options;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`no bytes for ${idleMs} ms`)), idleMs);
  try {
    // Bytes as they are stored: a server may call an archive a gzipped file, which fetch would unpack.
    const headers = { "accept-encoding": "identity", ...(start > 0 ? { range: `bytes=${start}-` } : {}) };
    const response = await fetch(url, { signal: AbortSignal.any([signal, silence.signal]), headers });
    if (response.status === 416) return true;
    if (!response.ok || response.body === null) throw statusError(url, response.status);
    // 206 continues at the requested position; a plain 200 starts from the beginning.
    let position = response.status === 206 ? start : 0;
    if (position !== start) await handle.truncate(0);
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : position + length;
    for await (const chunk of response.body) {
      timer.refresh();
      await writeAt(handle, chunk, position);
      position += chunk.length;
      onBytes?.(position, total);
    }
    if (total !== undefined && position < total) throw new Error(`connection closed at byte ${position} of ${total}`);
    return true;
  } finally {
    clearTimeout(timer);
  }
}

async function writeAt(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
}

/** The error for a server's refusal. A 4xx status stays the same if the request is repeated. */
function statusError(url: string, status: number): Error {
  if (status >= 500 || status === 429 || status === 408) return new Error(`HTTP status ${status}`);
  return new Cifar5mError(
    "download/refused",
    `${url} must answer with 200 or 206, got ${status}. Check the address, or give the archive with --data FILE.`,
  );
}

function isDiskError(thrown: unknown): boolean {
  return thrown instanceof Error && "syscall" in thrown && thrown.syscall === "write";
}

/** fetch hides the reason of an error in `cause`. */
function causeOf(thrown: unknown): string {
  return thrown instanceof Error && thrown.cause !== undefined ? messageOf(thrown.cause) : messageOf(thrown);
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
