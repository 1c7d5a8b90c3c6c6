import type { FileSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";

/** Shards that were fetched, by their sha256: on this machine's disk, or in a browser's storage. */
export interface LocalShards {
  /** Shards that can be open at once; undefined for as many as the system has files. */
  readonly maxOpen?: number;
  /** Whether `open` would find a shard. */
  has(entry: ShardEntry): boolean;
  /** Opens a shard that was checked; undefined if there is none. */
  open(entry: ShardEntry): FileSource | undefined;
  /** `open` for a shard that may not be checked yet. One whose bytes have changed is removed. */
  check(entry: ShardEntry, signal: AbortSignal): Promise<FileSource | undefined>;
  /**
   * Takes in a shard and opens it.
   * @throws ContentError if the bytes are not the ones of the entry; what `pieces` throws
   */
  add(entry: ShardEntry, pieces: AsyncIterable<Uint8Array>): Promise<FileSource>;
}
