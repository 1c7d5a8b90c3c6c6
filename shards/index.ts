/** Shards, receipts, manifests, and the loader that serves them. Needs no engine. */

export { canonicalJson, hashConfig, type JsonValue, sealJson, unsealJson } from "../storage/canonical-json.ts";
export {
  type CommitSink,
  type Committed,
  type CommitWriter,
  commitBytes,
  commitFile,
  replaceBytes,
  replaceFile,
  type Written,
} from "../storage/commit.ts";
export { commitUnit, hashFile, type UnitOrigin } from "../storage/commit-unit.ts";
export { diskError, systemCodeOf } from "../storage/disk-error.ts";
export { makeFolder, syncFile } from "../storage/durable-folder.ts";
export { hideSecrets, type Location, parseLocation } from "../storage/parse-location.ts";
export { readTextIfAny } from "../storage/read-text.ts";
export {
  isUnitDone,
  type Receipt,
  readReceipt,
  readReceiptIfAny,
  receiptSchema,
  receiptVersion,
  requireSameOrigin,
  writeReceipt,
} from "../storage/receipt.ts";
export { readRegularFile, requireRegularFile } from "../storage/regular-file.ts";
export { sha256 } from "../storage/sha256.ts";
export { removeStaleTemporaries } from "../storage/temporary-file.ts";
export {
  type FolderTrainingStore,
  type LogLine,
  openTrainingStore,
  readTrainingLog,
} from "../storage/training-store.ts";
export { toReadableStream } from "./adapters/to-readable-stream.ts";
export { labelProbabilities, type TensorFlowApi, toTfDataset } from "./adapters/to-tf-dataset.ts";
export type { Table } from "./arrow/read-table.ts";
export { readTable, readTableBatches } from "./arrow/read-table-file.ts";
export type {
  ColumnInput,
  ColumnType,
  ColumnValues,
  IntegerArray,
  TableInput,
  TableRows,
  TableSchema,
} from "./arrow/table-schema.ts";
export { defaultRowsPerBatch, writeTable } from "./arrow/write-table.ts";
export { Dataset, defaultMemoryBytes } from "./dataset.ts";
export {
  hashShards,
  type Manifest,
  manifestName,
  manifestSchema,
  manifestVersion,
  type ShardEntry,
  type SplitName,
  shardEntrySchema,
  splitNames,
} from "./format/manifest.ts";
export { readManifest, writeManifest } from "./format/manifest-file.ts";
export { readShard, readShardBatches } from "./format/read-shard.ts";
export { type ShardInput, type ShardRows, shardColumns, toHuggingFaceInfo } from "./format/shard-schema.ts";
export { type DatasetRows, type WriteDatasetOptions, writeDataset } from "./format/write-dataset.ts";
export { writeShard } from "./format/write-shard.ts";
export type { Batch, Mixup } from "./loader/batch.ts";
export { cifar10Normalization, type ImageFormat, type Normalization } from "./loader/image-format.ts";
export type { LiveSamples, LiveSource } from "./loader/live-source.ts";
export type { Loader } from "./loader/loader.ts";
export type { BlockedShuffleOptions, FiniteOptions, InfiniteOptions, LoaderOptions } from "./loader/loader-options.ts";
export { type LoaderState, loaderStateSchema, loaderStateVersion } from "./loader/loader-state.ts";
export { openDataset } from "./open-dataset.ts";
export type { OpenOptions } from "./open-options.ts";
export { requireTarget } from "./publish/open-target.ts";
export { type UploadedShard, uploadDataset } from "./publish/upload-dataset.ts";
export { defaultCacheDirectory } from "./remote/cache-directory.ts";
export type { StoreOptions } from "./remote/open-store.ts";
export type { S3Options } from "./remote/s3-options.ts";
export type { CacheOptions } from "./remote/shard-cache.ts";
export type { TransferOptions } from "./remote/transfer-options.ts";
export { type ExtraColumn, type ExtraValues, extraColumnNames } from "./rows/extra-columns.ts";
export type { ResolvedFilter, RowFilter } from "./rows/row-filter.ts";
export type { RowStore } from "./rows/row-store.ts";
export type { ImageArray, Samples } from "./rows/samples.ts";
export { type DatasetReport, type VerifyOptions, verifyDataset } from "./verify/verify-dataset.ts";
export { chooseShards, type VerifyMode, type VerifyPart } from "./verify/verify-mode.ts";
export type { DatasetProblem } from "./verify/verify-shard.ts";
