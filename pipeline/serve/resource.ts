import { constants, type FileHandle, open, realpath } from "node:fs/promises";
import { sep } from "node:path";
import { Readable } from "node:stream";
import { closeOnError } from "../../core/close-on-error.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { diskError } from "../../storage/disk-error.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { ByteRange } from "./byte-range.ts";

/** A resource that is served under one path. */
export interface Resource {
  /** Content-Type. */
  readonly type: string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * @param visit.origin - the address by which the client reaches us, for example `http://127.0.0.1:8765`
   * @returns undefined if there is nothing at present, which is not an error
   * @throws Cifar5mError if the resource cannot be sent as announced
   */
  open(visit: { readonly origin: string }): Promise<Content | undefined>;
}

/** The opened bytes of a resource. The caller that opened it closes it. */
export interface Content {
  /** sha256 of all bytes, lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** Reads a part that is not empty. */
  read(range: ByteRange): Readable;
  close(): Promise<void>;
}

/** Bytes in memory as content. */
export function toContent(data: Uint8Array): Content {
  return {
    sha256: sha256(data),
    bytes: data.byteLength,
    read: ({ start, end }) => Readable.from([data.subarray(start, end)], { objectMode: false }),
    close: async () => undefined,
  };
}

/** Bytes per read from the disk. */
const chunkBytes = 256 * 1024;

/**
 * Opens a file of a folder, and checks its size against its entry in the manifest.
 * @throws Cifar5mError `serve/outside-folder` if a link leads out of the folder; `serve/size-mismatch`; `disk/…`
 */
export async function openListedFile(options: {
  /** Real path, without links. */
  readonly directory: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}): Promise<Content> {
  const { directory, path, bytes, sha256 } = options;
  const handle = await openInside(directory, path);
  await closeOnError(handle, async () => {
    const found = await handle.stat();
    if (found.isFile() && found.size === bytes) return;
    throw new Cifar5mError(
      "serve/size-mismatch",
      `${path} is ${found.isFile() ? `${found.size} bytes` : "not a file"}, the manifest says ${bytes} bytes. ` +
        "Run `cifar5m verify` to see what is damaged.",
    );
  });
  return {
    sha256,
    bytes,
    read: ({ start, end }) =>
      handle.createReadStream({ start, end: end - 1, highWaterMark: chunkBytes, autoClose: false }),
    close: () => handle.close(),
  };
}

async function openInside(directory: string, path: string): Promise<FileHandle> {
  const real = await realPathInside(directory, path);
  try {
    // The real path is opened, since that is the path that was checked. O_NONBLOCK: opening a named pipe must not wait
    // for a writer.
    return await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
}

/**
 * Follows the links of a path, which must not lead out of a folder.
 * @param directory - real path, without links
 * @throws Cifar5mError `serve/outside-folder`, `disk/…`
 */
export async function realPathInside(directory: string, path: string): Promise<string> {
  const real = await realpath(path).catch((thrown: unknown) => {
    throw diskError(thrown, "read", path);
  });
  if (real.startsWith(directory + sep)) return real;
  throw new Cifar5mError(
    "serve/outside-folder",
    `${path} is a link out of ${directory}, and only files inside it are served. Put the file itself there.`,
  );
}
