import type { FileSource } from "../arrow/byte-source.ts";
import type { Manifest, ShardEntry } from "../format/manifest.ts";

/** Where a data set's shards are read from. */
export interface ShardSource {
  /** Folder or URL, named in errors. */
  readonly location: string;
  /** Whether shards must be fetched before their rows can be read. */
  readonly isRemote: boolean;
  /** Number of shards that can be open at once; undefined if only the system's limit of files applies. */
  readonly maxOpen?: number;
  /**
   * Opens a shard that is on this machine; the caller closes it.
   * @returns undefined if the shard is not on this machine yet
   * @throws Cifar5mError `shard/…`, `disk/…`
   */
  open(entry: ShardEntry): FileSource | undefined;
  /** Whether `open` would return the shard. */
  isLocal(entry: ShardEntry): boolean;
  /**
   * Brings a shard to this machine, checks it and opens it.
   * @throws Cifar5mError `store/…`, `disk/…`; the signal's reason
   */
  fetch(entry: ShardEntry, signal: AbortSignal): Promise<FileSource>;
  /**
   * Opens the table of flags beside the shards, checked against its description; the caller closes it.
   * @throws Cifar5mError `flags/…`, `json/corrupt`, `store/…`, `disk/…`; the signal's reason
   */
  openFlags(manifest: Manifest, signal: AbortSignal): Promise<FlagsTable>;
}

/** An open table of flags. */
export interface FlagsTable {
  readonly file: FileSource;
  /** Of the table. */
  readonly sha256: string;
}
