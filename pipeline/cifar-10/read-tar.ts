import { createReadStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { diskError } from "../../storage/disk-error.ts";
import { requireRegularFile } from "../../storage/regular-file.ts";

/** A regular file inside an archive. */
export interface TarMember {
  /** Its path as the archive spells it. It is never used as a path here. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A larger archive is refused: a small .gz can hold terabytes. */
const maxArchiveBytes = 2 ** 30;

/**
 * Reads the wanted files of a .tar.gz. Nothing is written to disk, and links and other kinds of members are skipped, so
 * an archive cannot write a file anywhere.
 * @param options.sizeOf - the size a member must have, exactly or at most, or undefined to skip it
 * @throws Cifar5mError `archive/corrupt`, `archive/too-large`, `archive/wrong-size`, `disk/…`
 */
export async function readTarGz(options: {
  readonly path: string;
  readonly sizeOf: (memberPath: string) => number | { readonly atMost: number } | undefined;
}): Promise<TarMember[]> {
  const { path, sizeOf } = options;
  const members: TarMember[] = [];
  const parser = new Parser({ strict: true, onReadEntry: take });
  let refused: Cifar5mError | undefined;

  function take(entry: ReadEntry): void {
    const expected = entry.type === "File" || entry.type === "OldFile" ? sizeOf(entry.path) : undefined;
    const { atMost } = typeof expected === "object" ? expected : {};
    if (expected !== undefined && (atMost === undefined ? entry.size !== expected : entry.size > atMost)) {
      const size = atMost === undefined ? String(expected) : `at most ${atMost}`;
      refused ??= new Cifar5mError(
        "archive/wrong-size",
        `${path}: ${entry.path} must be ${size} bytes, got ${entry.size}. Get the archive again.`,
      );
    }
    if (expected === undefined || refused !== undefined) {
      entry.resume();
      return;
    }
    const bytes = new Uint8Array(entry.size);
    let filled = 0;
    entry.on("data", (chunk) => {
      bytes.set(chunk, filled);
      filled += chunk.length;
    });
    entry.on("end", () => members.push({ path: entry.path, bytes }));
  }

  try {
    await requireRegularFile(path);
    await pipeline(
      createReadStream(path),
      createGunzip(),
      limitBytes(path, () => refused),
      async (chunks) => {
        const finished = new Promise<void>((resolve, reject) => parser.on("end", resolve).on("error", reject));
        finished.catch(() => undefined);
        for await (const chunk of chunks) parser.write(chunk as Buffer);
        parser.end();
        await finished;
      },
    );
  } catch (thrown) {
    const known = diskError(thrown, "read", path);
    throw known instanceof Cifar5mError ? known : corrupt(path, messageOf(thrown), thrown);
  }
  if (refused !== undefined) throw refused;
  return members;
}

/** Passes bytes on until there are too many, or until the reader has refused the archive. */
function limitBytes(path: string, refusal: () => Cifar5mError | undefined): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      const tooLarge = new Cifar5mError(
        "archive/too-large",
        `${path} must unpack to at most ${maxArchiveBytes} bytes, and holds more. Is it CIFAR-10?`,
      );
      const error = refusal() ?? (total > maxArchiveBytes ? tooLarge : undefined);
      if (error === undefined) done(null, chunk);
      else done(error);
    },
  });
}

function corrupt(path: string, what: string, cause?: unknown): Cifar5mError {
  return new Cifar5mError("archive/corrupt", `${path} must be a whole .tar.gz: ${what}. Get the archive again.`, {
    cause,
  });
}
