import { join } from "node:path";
import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { type RowRange, readBatchesFrom } from "../../shards/arrow/read-table.ts";
import { readTableBatches } from "../../shards/arrow/read-table-file.ts";
import { type ShardRows, shardColumnsOf } from "../../shards/format/shard-schema.ts";
import type { Manifest, OpenOptions, ShardEntry } from "../../shards/index.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { hideSecrets, parseLocation } from "../../storage/parse-location.ts";
import { findDataset } from "./find-dataset.ts";
import { requireShard } from "./require-shard.ts";

/** Rows of a shard, in batches. */
export type ShardBatches = AsyncGenerator<{
  /** The first row, counted from that of the shard. */
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: ShardRows;
}>;

/** A published data set, on this machine or on a server, and access to its rows. */
export interface ShardReader {
  /** Folder, or URL in the form that may be shown. */
  readonly location: string;
  /** The folder that was named, and that of its data set; undefined for a data set on a server. */
  readonly local: { readonly root: string; readonly directory: string } | undefined;
  readonly manifest: Manifest;
  /**
   * Reads the rows of a shard, after a check of its bytes against the manifest. A shard that has not changed since its
   * last check is not checked again.
   * @param range - rows that are wanted; batches without any of them are left out. By default all
   * @throws Cifar5mError `shard/missing`, `shard/hash-mismatch`, `table/…`, `disk/…`, `store/…`; the signal's reason
   */
  read(entry: ShardEntry, signal: AbortSignal, range?: RowRange): ShardBatches;
}

/**
 * Opens a data set to read it from beginning to end.
 * @param location - a run folder, a data set folder, or the URL of a data set, whose shards are fetched into the cache
 * @param options - how a server is reached
 * @throws Cifar5mError `manifest/…`, `json/corrupt`, `disk/…`, `store/…`
 */
export async function openShardReader(location: string, options: OpenOptions = {}): Promise<ShardReader> {
  const parsed = parseLocation(location);
  return parsed.kind === "folder" ? await folderReader(parsed.directory) : await urlReader(parsed.url, options);
}

async function folderReader(folder: string): Promise<ShardReader> {
  const { directory, manifest } = await findDataset(folder);
  const columns = shardColumnsOf(manifest.classNames.length);
  const checked = new Map<string, string>();
  return {
    location: directory,
    local: { root: folder, directory },
    manifest,
    async *read(entry, _signal, range) {
      const path = join(directory, entry.file);
      const version = await versionOf(path);
      if (version === undefined || checked.get(path) !== version) {
        await requireUnchanged(path, entry);
        if (version !== undefined) checked.set(path, version);
      }
      yield* readTableBatches(path, columns, range);
    },
  };
}

async function urlReader(url: string, options: OpenOptions): Promise<ShardReader> {
  const { openRemote } = await import("../../shards/remote/open-remote.ts");
  const { source, manifest } = await openRemote(url, options);
  return {
    location: hideSecrets(url),
    local: undefined,
    manifest,
    async *read(entry, signal, range) {
      const file = await source.fetch(entry, signal);
      try {
        yield* readBatchesFrom(file, shardColumnsOf(manifest.classNames.length), range);
      } finally {
        file.close();
      }
    },
  };
}

/** What changes when a file is written; undefined if there is none. */
async function versionOf(path: string): Promise<string | undefined> {
  const facts = await readFileFactsIfAny(path);
  return facts === undefined ? undefined : `${facts.bytes} ${facts.modifiedMs}`;
}

async function requireUnchanged(path: string, entry: ShardEntry): Promise<void> {
  await requireShard(path);
  const { sha256 } = await hashFile(path);
  if (sha256 === entry.sha256) return;
  throw new Cifar5mError(
    "shard/hash-mismatch",
    `${path} is sha256 ${shortHash(sha256)}, the manifest says ${shortHash(entry.sha256)}. ${damagedFileAdvice}`,
  );
}
