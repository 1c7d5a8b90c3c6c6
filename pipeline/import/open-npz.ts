import type { Readable } from "node:stream";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { closeOnError } from "../../core/close-on-error.ts";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { diskError } from "../../storage/disk-error.ts";
import { requireRegularFile } from "../../storage/regular-file.ts";
import { readZipEntry } from "../zip-entry.ts";
import { ByteReader } from "./byte-reader.ts";

/** A CIFAR-5m part never has more members than this. */
const maxMembers = 64;
/** Deflate compresses at most this many bytes into one. */
const maxInflation = 1032;

/** An opened member of an .npz. */
export interface NpzMember {
  /** `part0.npz: X.npy`, for errors. */
  readonly name: string;
  /** Uncompressed size, according to the archive. */
  readonly bytes: number;
  readonly reader: ByteReader;
  /**
   * @throws Cifar5mError `npz/corrupt` if bytes are left, or if the bytes that came do not match the archive's checksum
   */
  finish(): Promise<void>;
}

/** An open .npz. The names of its members are never used as paths. */
export interface NpzArchive {
  /** @throws Cifar5mError `npz/missing-array`, `npz/corrupt`, `disk/…` */
  openMember(name: string): Promise<NpzMember>;
  close(): void;
}

/**
 * Opens an .npz, zip64 or not; members may be stored or deflated.
 * @throws Cifar5mError `npz/corrupt`, `disk/…`
 */
export async function openNpz(path: string): Promise<NpzArchive> {
  const zips: ZipFile[] = [];
  const open = async () => {
    const zip = await attempt(path, async () => {
      await requireRegularFile(path);
      return await openPromise(path, { autoClose: false, lazyEntries: true });
    });
    zips.push(zip);
    return zip;
  };
  const streams: Readable[] = [];
  const close = () => {
    // The file stays open until all its streams are closed.
    for (const stream of streams) stream.destroy();
    for (const zip of zips) zip.close();
  };
  const entries = await closeOnError({ close }, async () => {
    const zip = await open();
    return await attempt(path, () => listEntries(zip, path));
  });
  return {
    openMember: async (name) => {
      const entry = entries.get(name);
      if (entry === undefined) {
        const found = [...entries.keys()].map((key) => JSON.stringify(key.slice(0, 40))).slice(0, 5);
        throw new Cifar5mError(
          "npz/missing-array",
          `${path} must hold the arrays X and Y, ${name} is not among ${found.join(", ") || "its members: there are none"}. ` +
            "Save it with numpy.savez(path, X=images, Y=labels).",
        );
      }
      requirePossible(entry, path);
      // Open the file once more for each member. The reads of two streams of one ZipFile would wait for each other,
      // and the read of a stream that ended meanwhile would throw outside our control.
      const reopened = await open();
      const stream = await attempt(path, () => reopened.openReadStreamPromise(entry));
      streams.push(stream);
      return memberOf(entry, stream, path);
    },
    close,
  };
}

async function listEntries(zip: ZipFile, path: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  if (zip.entryCount > maxMembers)
    throw corrupt(path, `it has ${zip.entryCount} members, at most ${maxMembers} make sense`);
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) throw corrupt(path, `it has two members ${JSON.stringify(entry.fileName)}`);
    entries.set(entry.fileName, entry);
  }
  return entries;
}

/** Checks that the bytes in the archive can unpack to the promised size, since memory is allocated by that size. */
function requirePossible(entry: Entry, path: string): void {
  if (entry.uncompressedSize <= entry.compressedSize * maxInflation + 64) return;
  throw corrupt(
    `${path}: ${entry.fileName}`,
    `its ${entry.compressedSize} bytes cannot unpack to the ${entry.uncompressedSize} it promises`,
  );
}

function memberOf(entry: Entry, stream: Readable, path: string): NpzMember {
  const name = `${path}: ${entry.fileName}`;
  const reader = new ByteReader(namingErrors(readZipEntry(entry, stream), name), () =>
    corrupt(name, `it ends before the ${entry.uncompressedSize} bytes it promises`),
  );
  return {
    name,
    bytes: entry.uncompressedSize,
    reader,
    finish: async () => {
      if (await reader.isAtEnd()) return;
      throw corrupt(name, `it goes on after the ${entry.uncompressedSize} bytes it promises`);
    },
  };
}

async function* namingErrors(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (thrown) {
    throw asCorrupt(thrown, name);
  }
}

async function attempt<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw asCorrupt(thrown, name);
  }
}

function asCorrupt(thrown: unknown, name: string): unknown {
  const known = diskError(thrown, "read", name);
  return known instanceof Cifar5mError ? known : corrupt(name, messageOf(thrown), thrown);
}

function corrupt(name: string, what: string, cause?: unknown): Cifar5mError {
  const words = what.replaceAll(/\s+/g, " ").replace(/\.$/, "");
  return new Cifar5mError("npz/corrupt", `${name} must be a whole .npz: ${words}. Get the file again.`, { cause });
}
