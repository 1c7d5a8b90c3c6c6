import { join } from "node:path";
import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import type { FileSource } from "../arrow/byte-source.ts";
import { openFileSource } from "../arrow/file-source.ts";
import { flagsName, flagsTableName, missingFlags, parseFlags, tableEntry, wrongTable } from "../format/flags.ts";
import type { Manifest, ShardEntry } from "../format/manifest.ts";
import type { FlagsTable, ShardSource } from "./shard-source.ts";

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
    if (!hasCode(thrown, "disk/missing")) throw thrown;
    throw new Cifar5mError(
      "shard/missing",
      `${path} is listed in the manifest but does not exist. ${damagedFileAdvice}`,
      { cause: thrown },
    );
  }
  if (source.bytes === entry.bytes) return source;
  source.close();
  throw new Cifar5mError(
    "shard/size-mismatch",
    `${path} is ${source.bytes} bytes, the manifest says ${entry.bytes}. ${damagedFileAdvice}`,
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
    openFlags: async (manifest) => await openFlagsFile(directory, manifest),
  };
}

/** The table of flags is hashed each time: it is small, and unlike shards nothing else checks it. */
async function openFlagsFile(directory: string, manifest: Manifest): Promise<FlagsTable> {
  const text = await readTextIfAny(join(directory, flagsName));
  if (text === undefined) throw missingFlags(directory);
  const description = parseFlags(text, manifest, join(directory, flagsName));
  const path = join(directory, flagsTableName);
  const { bytes, sha256 } = await hashFile(path);
  if (bytes !== description.bytes || sha256 !== description.sha256) {
    const [seen, wanted] = [sha256, description.sha256].map(shortHash);
    throw wrongTable(
      path,
      `is ${bytes} bytes with sha256 ${seen}, ${flagsName} says ${description.bytes} and ${wanted}`,
    );
  }
  return { file: openShardFile(directory, tableEntry(description)), sha256 };
}
