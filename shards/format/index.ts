/** The files of a data set, for those who write tools: shards, manifests, tables, and how files appear whole. */

export {
  type CommitSink,
  type Committed,
  type CommitWriter,
  commitBytes,
  commitFile,
  replaceBytes,
  replaceFile,
  type Written,
} from "../../storage/commit.ts";
export type { Table } from "../arrow/read-table.ts";
export { readTable, readTableBatches } from "../arrow/read-table-file.ts";
export type {
  ColumnInput,
  ColumnType,
  ColumnValues,
  IntegerArray,
  TableInput,
  TableRows,
  TableSchema,
} from "../arrow/table-schema.ts";
export { writeTable } from "../arrow/write-table.ts";
export { type FlagName, flagColumns, flagNames, flagsName, flagsTableName } from "./flags.ts";
export {
  hashShards,
  type Manifest,
  manifestName,
  manifestSchema,
  manifestVersion,
  type ShardEntry,
  type SplitName,
  splitNames,
} from "./manifest.ts";
export { readManifest, writeManifest } from "./manifest-file.ts";
export { readShard, readShardBatches } from "./read-shard.ts";
export { type ShardInput, type ShardRows, shardColumns, shardColumnsOf } from "./shard-schema.ts";
export { writeShard } from "./write-shard.ts";
