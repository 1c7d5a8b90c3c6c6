import type { FileSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";

/** Fetched shards by their sha256, on this machine's disk or in a browser's storage. */
export interface LocalShards {
  /** Number of shards that can be open at once; undefined if only the system's limit of files applies. */
  readonly maxOpen?: number;
  /** Whether `open` would return a shard. */
  has(entry: ShardEntry): boolean;
  /** Opens a shard that was checked; undefined if there is none. */
  open(entry: ShardEntry): FileSource | undefined;
  /** `open` for a shard that may not be checked yet. A shard whose bytes have changed is not opened. */
  check(entry: ShardEntry, signal: AbortSignal): Promise<FileSource | undefined>;
  /**
   * Stores a shard and opens it.
   * @throws ContentError if the bytes are not those of the entry; what `pieces` throws
   */
  add(entry: ShardEntry, pieces: AsyncIterable<Uint8Array>): Promise<FileSource>;
}
