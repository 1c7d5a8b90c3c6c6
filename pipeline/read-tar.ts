import { createReadStream } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { BuilderError, messageOf } from "../core/errors.ts";
import { diskError } from "../shards/index.ts";

/** A regular file inside an archive. */
export interface TarMember {
  /** Its path as the archive spells it. Never used as a path here. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const blockBytes = 512;
/** More than this in one archive is refused: a small .gz can hold terabytes. */
const maxArchiveBytes = 2 ** 30;

/**
 * The wanted files of a .tar.gz, one after the other; only one is in memory. Nothing is written to disk, links and
 * other kinds of members are skipped, so an archive cannot place a file anywhere.
 * @param options.sizeOf - the size a member must have, or undefined to skip it
 * @throws BuilderError `archive/corrupt`, `archive/too-large`, `archive/wrong-size`, `disk/…`
 */
export async function* readTarGz(options: {
  readonly path: string;
  readonly sizeOf: (memberPath: string) => number | undefined;
}): AsyncGenerator<TarMember> {
  const { path, sizeOf } = options;
  const reader = new BlockReader(unzip(path), path);
  for (;;) {
    const header = await reader.read(blockBytes);
    if (header === undefined || header.every((byte) => byte === 0)) return;
    const member = parseHeader(header, path);
    const padded = Math.ceil(member.size / blockBytes) * blockBytes;
    const expected = member.isFile ? sizeOf(member.path) : undefined;
    if (expected === undefined) {
      await reader.skip(padded);
      continue;
    }
    if (member.size !== expected) {
      throw new BuilderError(
        "archive/wrong-size",
        `${path}: ${member.path} must be ${expected} bytes, got ${member.size}. Get the archive again.`,
      );
    }
    const content = await reader.read(padded);
    if (content === undefined) throw corrupt(path, `it ends before ${member.path}`);
    yield { path: member.path, bytes: content.subarray(0, member.size) };
  }
}

/** Header fields of the POSIX ustar format. */
function parseHeader(header: Uint8Array, path: string): { path: string; size: number; isFile: boolean } {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== octal(header, 148, 8)) throw corrupt(path, "a member's header has a wrong checksum");
  const size = octal(header, 124, 12);
  if (!Number.isSafeInteger(size)) throw corrupt(path, "a member's size is no octal number");
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  const type = header[156];
  return { path: prefix === "" ? name : `${prefix}/${name}`, size, isFile: type === 0 || type === 0x30 };
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Cuts a stream into blocks of asked sizes. */
class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #path: string;
  #rest: Uint8Array = new Uint8Array(0);
  #total = 0;

  constructor(stream: AsyncIterable<Uint8Array>, path: string) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#path = path;
  }

  /** Exactly `length` bytes, or undefined if the stream has ended. */
  async read(length: number): Promise<Uint8Array | undefined> {
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const chunk = await this.#next();
      if (chunk === undefined) {
        if (filled === 0) return undefined;
        throw corrupt(this.#path, "it ends in the middle of a member");
      }
      const part = chunk.subarray(0, length - filled);
      out.set(part, filled);
      filled += part.length;
      this.#rest = chunk.subarray(part.length);
    }
    return out;
  }

  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      const chunk = await this.#next();
      if (chunk === undefined) throw corrupt(this.#path, "it ends in the middle of a member");
      const used = Math.min(left, chunk.length);
      this.#rest = chunk.subarray(used);
      left -= used;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    if (this.#rest.length > 0) return this.#rest;
    const { done, value } = await this.#chunks.next();
    if (done === true) return undefined;
    this.#total += value.length;
    if (this.#total <= maxArchiveBytes) return value;
    throw new BuilderError(
      "archive/too-large",
      `${this.#path} must unpack to at most ${maxArchiveBytes} bytes, and holds more. Is it CIFAR-10?`,
    );
  }
}

async function* unzip(path: string): AsyncGenerator<Uint8Array> {
  const unzipped = new PassThrough();
  // Its failure reaches us through `unzipped`.
  pipeline(createReadStream(path), createGunzip(), unzipped).catch(() => undefined);
  try {
    for await (const chunk of unzipped) yield chunk as Uint8Array;
  } catch (thrown) {
    const known = diskError(thrown, "read", path);
    throw known instanceof BuilderError ? known : corrupt(path, messageOf(thrown), thrown);
  } finally {
    unzipped.destroy();
  }
}

function corrupt(path: string, what: string, cause?: unknown): BuilderError {
  return new BuilderError("archive/corrupt", `${path} must be a whole .tar.gz: ${what}. Get the archive again.`, {
    cause,
  });
}
