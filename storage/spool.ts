import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Cifar5mError } from "../core/errors.ts";
import type { CommitSink, CommitWriter } from "./commit-sink.ts";
import { diskError } from "./disk-error.ts";
import { makeFolder } from "./durable-folder.ts";
import type { ObjectData } from "./object-files.ts";
import {
  heartbeatMs,
  nameTemporary,
  removeStaleTemporaries,
  removeTemporary,
  touchTemporary,
} from "./temporary-file.ts";

/** More bytes than this wait on the disk until they are sent. */
const inMemory = 2 ** 20;

/** Number of bytes that are read from there at once. */
const pieceBytes = 2 ** 18;

/** Where bytes wait: in the system's folder for temporary files, one folder for each user. */
export const spoolFolder = join(tmpdir(), `cifar5m-spool-${process.getuid?.() ?? 0}`);

/** Bytes that were written, and wait to be sent to a bucket. */
export interface Spooled extends ObjectData {
  /** Ends the wait. */
  remove(): Promise<void>;
}

/** Removes what killed processes left on this machine. @throws Cifar5mError `disk/…` */
export async function cleanSpool(): Promise<void> {
  await removeStaleTemporaries(spoolFolder);
}

/**
 * Takes the bytes of a writer before they are sent, since a bucket must be told their number and hash first. A unit
 * may have gigabytes, so it waits on the disk.
 * @throws Cifar5mError `disk/…`; what `write` throws
 */
export async function spool(write: CommitWriter): Promise<Spooled> {
  const file = new SpoolFile();
  const heartbeat = setInterval(() => void file.touch(), heartbeatMs).unref();
  try {
    await write(file);
    return await file.finish();
  } catch (thrown) {
    await file.remove().catch(() => undefined);
    throw thrown;
  } finally {
    clearInterval(heartbeat);
  }
}

class SpoolFile implements CommitSink {
  readonly #path = nameTemporary(join(spoolFolder, "unit"));
  readonly #sha256 = createHash("sha256");
  readonly #md5 = createHash("md5");
  #pieces: Uint8Array[] = [];
  #bytesInMemory = 0;
  #handle: FileHandle | undefined;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  async write(data: Uint8Array | string): Promise<void> {
    // The caller may reuse its bytes.
    const piece = Buffer.concat([typeof data === "string" ? Buffer.from(data) : data]);
    this.#sha256.update(piece);
    this.#md5.update(piece);
    this.#bytes += piece.byteLength;
    this.#pieces.push(piece);
    this.#bytesInMemory += piece.byteLength;
    if (this.#bytesInMemory > inMemory) await this.#flush();
  }

  async finish(): Promise<Spooled> {
    const known = { bytes: this.#bytes, sha256: this.#sha256.digest("hex"), md5: this.#md5.digest("hex") };
    const remove = () => this.remove();
    if (this.#handle === undefined) {
      const whole = Buffer.concat(this.#pieces);
      return { ...known, open: () => whole, remove };
    }
    await this.#flush();
    const handle = this.#handle;
    return { ...known, open: () => Readable.from(this.#read(handle), { objectMode: false }), remove };
  }

  async remove(): Promise<void> {
    await this.#close();
    await removeTemporary(this.#path);
  }

  async touch(): Promise<void> {
    await touchTemporary(this.#handle);
  }

  async #flush(): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytesInMemory = 0;
    try {
      if (this.#handle === undefined) {
        await makeFolder(spoolFolder);
        this.#handle = await open(this.#path, "wx+");
      }
      await this.#handle.writeFile(Buffer.concat(pieces));
    } catch (thrown) {
      throw diskError(thrown, "write", this.#path);
    }
  }

  /**
   * By the handle, since cleaners of temporary files remove the name of a file that waits. Destroying a stream of Node's
   * over a handle closes the handle, so this is not one.
   */
  async *#read(handle: FileHandle): AsyncGenerator<Buffer, void, undefined> {
    for (let position = 0; position < this.#bytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, this.#bytes - position));
      const { bytesRead } = await handle.read(piece, 0, piece.length, position).catch((thrown: unknown) => {
        throw diskError(thrown, "read", this.#path);
      });
      if (bytesRead === 0) {
        throw new Cifar5mError(
          "disk/io-error",
          `${this.#path} must have ${this.#bytes} bytes until they are sent, and somebody cut it to ${position}. Run again.`,
        );
      }
      yield piece.subarray(0, bytesRead);
      position += bytesRead;
    }
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}
