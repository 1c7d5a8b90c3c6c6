import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import { openFileSource } from "../arrow/file-source.ts";
import type { ShardEntry } from "../format/manifest.ts";
import type { ShardSource } from "./shard-source.ts";

/**
 * Opens a shard's file; the caller closes it.
 * @throws Cifar5mError `shard/missing`, `shard/size-mismatch`; `disk/…`
 */
export function openShardFile(directory: string, entry: ShardEntry): FileSource {
  const path = join(directory, entry.file);
  let source: FileSource;
  try {
    source = openFileSource(path);
  } catch (thrown) {
    if (!(thrown instanceof Cifar5mError) || thrown.code !== "disk/missing") throw thrown;
    throw new Cifar5mError(
      "shard/missing",
      `${path} is listed in the manifest but does not exist. Publish again to rebuild it.`,
      { cause: thrown },
    );
  }
  if (source.bytes === entry.bytes) return source;
  source.close();
  throw new Cifar5mError(
    "shard/size-mismatch",
    `${path} is ${source.bytes} bytes, the manifest says ${entry.bytes}. Delete it and publish again to rebuild it.`,
  );
}

/** The shards of a folder. */
export function folderSource(directory: string): ShardSource {
  const open = (entry: ShardEntry) => openShardFile(directory, entry);
  return {
    location: directory,
    isRemote: false,
    open,
    isLocal: () => true,
    fetch: async (entry) => open(entry),
  };
}
