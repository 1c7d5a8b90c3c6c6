import { rmSync, statSync, utimesSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { closeOnError } from "../../core/close-on-error.ts";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { replaceFile } from "../../storage/commit.ts";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";
import { parseFolder } from "../../storage/parse-location.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { unlinkIfAny } from "../../storage/unlink-if-any.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import { openFileSource } from "../arrow/file-source.ts";
import type { ShardEntry } from "../format/manifest.ts";
import { defaultCacheDirectory } from "./cache-directory.ts";
import { hashSource } from "./hash-source.ts";
import type { LocalShards } from "./local-shards.ts";
import { ContentError } from "./object-store.ts";

/** Where fetched shards are kept. */
export interface CacheOptions {
  /** Default: `cifar5m` in XDG_CACHE_HOME, else in `~/.cache`. */
  readonly directory?: string;
  /** Size limit of the files, default 64 GiB. Beyond it the files unused for longest are removed. */
  readonly maxBytes?: number;
}

/** Default size limit of the cache: three times the six million images of the original set. */
const defaultCacheBytes = 64 * 2 ** 30;

/** Files whose bytes this thread has hashed and found right. */
const checked = new Set<string>();

/**
 * Fetched shards on this machine's disk, named by their sha256. Any number of processes share the cache without a lock:
 * a name holds whole, checked bytes or does not exist, and a removed file stays readable while it is open. If a disk
 * failure or a person has changed a file since, a thread finds that when it first opens it.
 */
export class ShardCache implements LocalShards {
  readonly #directory: string;
  readonly #maxBytes: number;

  /** @throws Cifar5mError `store/out-of-range` */
  constructor(options: CacheOptions = {}) {
    const { maxBytes = defaultCacheBytes } = options;
    if (!(maxBytes >= 0)) {
      throw new Cifar5mError(
        "store/out-of-range",
        `cache.maxBytes must be a number of bytes, got ${String(maxBytes)}. Choose another value, or leave it out.`,
      );
    }
    this.#directory = join(parseFolder(options.directory ?? defaultCacheDirectory(), "cache.directory"), "shards");
    this.#maxBytes = maxBytes;
  }

  /** Whether `open` would return the shard. */
  has(entry: ShardEntry): boolean {
    if (!checked.has(this.#pathOf(entry))) return false;
    return statSync(this.#pathOf(entry), { throwIfNoEntry: false })?.size === entry.bytes;
  }

  /** Opens a shard that was checked, and records its use; undefined if there is none. @throws Cifar5mError `disk/…` */
  open(entry: ShardEntry): FileSource | undefined {
    return checked.has(this.#pathOf(entry)) ? this.#openFile(entry) : undefined;
  }

  /**
   * `open` for a shard that may not be checked yet: the whole file is read. A file that has changed is removed.
   * @throws Cifar5mError `disk/…`; the signal's reason
   */
  async check(entry: ShardEntry, signal: AbortSignal): Promise<FileSource | undefined> {
    const path = this.#pathOf(entry);
    const source = this.#openFile(entry);
    if (source === undefined || checked.has(path)) return source;
    const sha256 = await closeOnError(source, () => hashSource(source, signal));
    if (sha256 === entry.sha256) {
      checked.add(path);
      return source;
    }
    source.close();
    forget(path);
    return undefined;
  }

  #openFile(entry: ShardEntry): FileSource | undefined {
    const path = this.#pathOf(entry);
    let source: FileSource;
    try {
      source = openFileSource(path);
    } catch (thrown) {
      if (hasCode(thrown, "disk/missing")) return undefined;
      throw thrown;
    }
    if (source.bytes !== entry.bytes) {
      // A disk failure or a person has cut this file: our own commits never leave a partial file.
      source.close();
      forget(path);
      return undefined;
    }
    noteUse(path);
    return source;
  }

  /**
   * Stores a shard and opens it, then removes old files. The shard is opened first, so it can be read even if the limit
   * is below its size, or if another loop or process removes it at once to make space for its own shards.
   * @throws ContentError if the bytes are not those of the entry; Cifar5mError `disk/…`; what `pieces` throws
   */
  async add(entry: ShardEntry, pieces: AsyncIterable<Uint8Array>): Promise<FileSource> {
    const path = this.#pathOf(entry);
    let source: FileSource | undefined;
    try {
      await replaceFile(
        path,
        async (sink) => {
          for await (const piece of pieces) await sink.write(piece);
        },
        {
          check: ({ bytes, sha256 }) => {
            if (bytes !== entry.bytes || sha256 !== entry.sha256) {
              throw new ContentError(`${bytes} bytes with sha256 ${shortHash(sha256)}`);
            }
          },
          onChecked: (temporary) => {
            source?.close();
            source = openFileSource(temporary);
          },
        },
      );
      checked.add(path);
      noteUse(path);
      await this.makeSpace();
      return { ...source!, path };
    } catch (thrown) {
      // Another user's file has the name, and we may not replace it: ours is read without a name.
      if (source !== undefined && isForbidden(thrown)) return { ...source, path };
      source?.close();
      throw thrown;
    }
  }

  /**
   * Removes the files unused for longest until the others are within the limit. Those that it may not remove, of another
   * user for example, stay.
   */
  async makeSpace(): Promise<void> {
    const files = await this.#listFiles();
    let total = files.reduce((sum, file) => sum + file.bytes, 0);
    for (const { path, bytes } of files.sort((a, b) => a.usedMs - b.usedMs)) {
      if (total <= this.#maxBytes) return;
      const isRemoved = await unlinkIfAny(path).then(
        () => true,
        () => false,
      );
      if (isRemoved) total -= bytes;
    }
  }

  /** Removes the files of downloads that were killed, as far as it may: shards can be read beside them. */
  async removeLeftovers(): Promise<void> {
    await removeStaleTemporaries(this.#directory).catch(() => undefined);
  }

  async #listFiles(): Promise<{ path: string; bytes: number; usedMs: number }[]> {
    const files = [];
    for (const name of await readdir(this.#directory).catch(() => [])) {
      if (!name.endsWith(".arrow")) continue;
      const path = join(this.#directory, name);
      // Another process may remove files at the same time.
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined) files.push({ path, bytes: found.size, usedMs: found.mtimeMs });
    }
    return files;
  }

  #pathOf(entry: ShardEntry): string {
    return join(this.#directory, `${entry.sha256}.arrow`);
  }
}

/** Records a use in the file's modification time: many machines switch off the system's own access times. */
function noteUse(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (thrown) {
    // The file was removed in between, or the cache is read-only for us.
    if (!["ENOENT", "EPERM", "EACCES", "EROFS"].includes(systemCodeOf(thrown) ?? "")) throw thrown;
  }
}

function isForbidden(thrown: unknown): boolean {
  return hasCode(thrown, "disk/permission-denied");
}

/** Removes whatever has the name of a shard and is none, even a folder; but not what belongs to another user. */
function forget(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (thrown) {
    const error = diskError(thrown, "remove", path);
    // `rmSync` of Node 20 throws ENOTDIR for a file that it may not remove.
    if (!isForbidden(error) && systemCodeOf(thrown) !== "ENOTDIR") throw error;
  }
}
