/** Shards, receipts, manifests, and the loader that serves them. Needs no engine. */

export { canonicalJson, hashConfig, type JsonValue, sealJson, sha256, unsealJson } from "./canonical-json.ts";
export {
  type CommitSink,
  type Committed,
  type CommitWriter,
  commitBytes,
  commitFile,
  replaceBytes,
  replaceFile,
  type Written,
} from "./commit.ts";
export { commitUnit, hashFile, type UnitOrigin } from "./commit-unit.ts";
export { diskError, systemCodeOf } from "./disk-error.ts";
export { makeFolder, syncFile } from "./durable-folder.ts";
export { type ExtraColumn, type ExtraValues, extraColumnNames } from "./extra-columns.ts";
export { cifar10Normalization, type ImageArray, type ImageFormat, type Normalization } from "./image-format.ts";
export type { LiveSamples, LiveSource } from "./live-source.ts";
export type { Loader } from "./loader.ts";
export type { BlockedShuffleOptions, FiniteOptions, InfiniteOptions, LoaderOptions } from "./loader-options.ts";
export { type LoaderState, loaderStateSchema, loaderStateVersion } from "./loader-state.ts";
export {
  hashShards,
  type Manifest,
  manifestName,
  manifestSchema,
  manifestVersion,
  readManifest,
  type ShardEntry,
  type SplitName,
  shardEntrySchema,
  splitNames,
  writeManifest,
} from "./manifest.ts";
export { Dataset, defaultMemoryBytes, openDataset } from "./open-dataset.ts";
export type { OpenOptions } from "./open-options.ts";
export { requireTarget } from "./open-target.ts";
export { hideSecrets, type Location, parseLocation } from "./parse-location.ts";
export { readShard, readShardBatches } from "./read-shard.ts";
export { readTable, readTableBatches, type Table } from "./read-table.ts";
export { readTextIfAny } from "./read-text.ts";
export {
  isUnitDone,
  type Receipt,
  readReceipt,
  readReceiptIfAny,
  receiptSchema,
  receiptVersion,
  requireSameOrigin,
  writeReceipt,
} from "./receipt.ts";
export { readRegularFile, requireRegularFile } from "./regular-file.ts";
export { defaultCacheDirectory } from "./remote/cache-directory.ts";
export type { StoreOptions } from "./remote/open-store.ts";
export type { S3Options } from "./remote/s3-client.ts";
export type { CacheOptions } from "./remote/shard-cache.ts";
export type { TransferOptions } from "./remote/transfer-options.ts";
export type { ResolvedFilter, RowFilter } from "./row-filter.ts";
export type { RowStore } from "./row-store.ts";
export type { Batch, Mixup, Samples } from "./samples.ts";
export { type ShardInput, type ShardRows, shardColumns, toHuggingFaceInfo } from "./shard-schema.ts";
export type {
  ColumnInput,
  ColumnType,
  ColumnValues,
  IntegerArray,
  TableInput,
  TableRows,
  TableSchema,
} from "./table-schema.ts";
export { removeStaleTemporaries } from "./temporary-file.ts";
export { toReadableStream } from "./to-readable-stream.ts";
export { labelProbabilities, type TensorFlowApi, toTfDataset } from "./to-tf-dataset.ts";
export { type FolderTrainingStore, type LogLine, openTrainingStore, readTrainingLog } from "./training-store.ts";
export { type UploadedShard, uploadDataset } from "./upload-dataset.ts";
export { type DatasetReport, type VerifyOptions, verifyDataset } from "./verify-dataset.ts";
export { chooseShards, type VerifyMode, type VerifyPart } from "./verify-mode.ts";
export type { DatasetProblem } from "./verify-shard.ts";
export { writeShard } from "./write-shard.ts";
export { defaultRowsPerBatch, writeTable } from "./write-table.ts";
