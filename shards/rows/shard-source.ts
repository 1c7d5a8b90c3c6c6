import type { FileSource } from "../arrow/byte-source.ts";
import type { ShardEntry } from "../format/manifest.ts";

/** Where a data set's shards come from. */
export interface ShardSource {
  /** Folder or URL, named in errors. */
  readonly location: string;
  /** Whether shards have to be fetched before their rows can be read. */
  readonly isRemote: boolean;
  /** Shards that can be open at once; undefined for as many as the system has files. */
  readonly maxOpen?: number;
  /**
   * Opens a shard that is on this machine; the caller closes it.
   * @returns undefined if it is not here yet
   * @throws Cifar5mError `shard/…`, `disk/…`
   */
  open(entry: ShardEntry): FileSource | undefined;
  /** Whether `open` would find the shard. */
  isLocal(entry: ShardEntry): boolean;
  /**
   * Brings a shard to this machine, checked, and opens it.
   * @throws Cifar5mError `store/…`, `disk/…`; the signal's reason
   */
  fetch(entry: ShardEntry, signal: AbortSignal): Promise<FileSource>;
}
