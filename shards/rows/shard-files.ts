import { Cifar5mError, hasCode } from "../../core/errors.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";
import { type FileHolder, filesPerHolder, makeSpaceForFile, noteHolder } from "./open-files.ts";
import type { ShardSource } from "./shard-source.ts";

/** The open files of a row store, within a limit, and its downloads in progress. */
export class ShardFiles implements FileHolder {
  readonly #source: ShardSource;
  readonly #entries: readonly ShardEntry[];
  /** Used longest ago first. */
  readonly #open = new Map<number, FileSource>();
  /** Downloads by shard, in progress or failed with an error that no caller has received yet. */
  readonly #fetches = new Map<number, Promise<void>>();
  #session = new AbortController();

  constructor(source: ShardSource, entries: readonly ShardEntry[]) {
    this.#source = source;
    this.#entries = entries;
  }

  /** The open file of a shard. @throws Cifar5mError `shard/…`, `disk/…` */
  open(shardIndex: number): FileSource {
    const known = this.#open.get(shardIndex);
    if (known !== undefined) return known;
    const entry = this.#entries[shardIndex]!;
    const file = this.#openFile(entry);
    if (file !== undefined) return this.#keep(shardIndex, file);
    throw new Cifar5mError(
      "shard/not-fetched",
      `${entry.file} of ${this.#source.location} must be fetched before it is read. Prepare its rows first.`,
    );
  }

  /**
   * Opens several shards at once, so that nobody removes them before they are read. If they exceed the limit of open
   * files, they only have to be on this machine, and are opened one after the other.
   * @returns undefined if all shards can be read; otherwise a promise for the shards that have to be fetched
   */
  prepare(shardIndices: ReadonlySet<number>): Promise<void> | undefined {
    const isInTurn = !this.canHold(shardIndices.size);
    const missing: number[] = [];
    for (const shardIndex of shardIndices) {
      const file = this.#open.get(shardIndex);
      if (file === undefined) missing.push(shardIndex);
      else this.#keep(shardIndex, file);
    }
    const toFetch = missing.filter((shardIndex) => {
      if (this.#fetches.has(shardIndex)) return true;
      const entry = this.#entries[shardIndex]!;
      if (isInTurn) return !this.#source.isLocal(entry);
      const file = this.#openFile(entry);
      if (file !== undefined) this.#keep(shardIndex, file);
      return file === undefined;
    });
    return toFetch.length === 0 ? undefined : this.#awaitAll(toFetch, shardIndices);
  }

  /** Whether this many files can be open at once. */
  canHold(numFiles: number): boolean {
    return numFiles <= this.#maxOpen();
  }

  /** Starts to fetch the shards among these that are not on this machine. */
  prefetch(shardIndices: ReadonlySet<number>): void {
    for (const shardIndex of shardIndices) {
      if (this.#open.has(shardIndex) || this.#fetches.has(shardIndex)) continue;
      if (!this.#source.isLocal(this.#entries[shardIndex]!)) this.#fetch(shardIndex);
    }
  }

  close(shardIndex: number): void {
    this.#open.get(shardIndex)?.close();
    this.#open.delete(shardIndex);
    noteHolder(this, this.#open.size > 0);
  }

  closeOldest(): boolean {
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.close(oldest);
    return oldest !== undefined;
  }

  /** Closes all files and ends all downloads. @param reason - the error that waiting callers receive */
  closeAll(reason: Error = new Error("nobody reads from the data set any more")): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
    noteHolder(this, false);
    if (this.#fetches.size === 0) return;
    this.#session.abort(reason);
    this.#session = new AbortController();
    this.#fetches.clear();
  }

  async #awaitAll(toFetch: readonly number[], needed: ReadonlySet<number>): Promise<void> {
    await Promise.all(
      toFetch.map(async (shardIndex) => {
        const fetching = this.#fetches.get(shardIndex) ?? this.#fetch(shardIndex);
        try {
          await fetching;
        } catch (thrown) {
          // The caller gets the error, so forget this attempt: the next request tries again.
          if (this.#fetches.get(shardIndex) === fetching) this.#fetches.delete(shardIndex);
          throw thrown;
        }
      }),
    );
    // A file that was evicted from the cache keeps its disk space until we close it.
    for (const [shardIndex, file] of this.#open) {
      if (!needed.has(shardIndex) && file.isRemoved()) this.close(shardIndex);
    }
  }

  #maxOpen(): number {
    return Math.min(filesPerHolder(), this.#source.maxOpen ?? Number.POSITIVE_INFINITY);
  }

  #fetch(shardIndex: number): Promise<void> {
    const { signal } = this.#session;
    const fetching = this.#source.fetch(this.#entries[shardIndex]!, signal).then((file) => {
      if (signal.aborted) {
        file.close();
        throw signal.reason;
      }
      this.#fetches.delete(shardIndex);
      this.#keep(shardIndex, file);
    });
    fetching.catch(() => undefined);
    this.#fetches.set(shardIndex, fetching);
    return fetching;
  }

  /** Calls `open` of the source. If the system allows no more open files, other files are closed first. */
  #openFile(entry: ShardEntry): FileSource | undefined {
    for (;;) {
      try {
        return this.#source.open(entry);
      } catch (thrown) {
        const isTooMany = hasCode(thrown, "disk/too-many-open-files");
        if (!isTooMany || !makeSpaceForFile(this)) throw thrown;
      }
    }
  }

  #keep(shardIndex: number, file: FileSource): FileSource {
    const known = this.#open.get(shardIndex);
    if (known !== file) known?.close();
    this.#open.delete(shardIndex);
    noteHolder(this, true);
    while (this.#open.size >= this.#maxOpen()) this.closeOldest();
    this.#open.set(shardIndex, file);
    noteHolder(this, true);
    return file;
  }
}
