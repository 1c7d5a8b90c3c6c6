/** Data sets of cifar5m: open, serve, write, check and upload them. Needs no engine. */

export { Cifar5mError } from "../core/errors.ts";
export { toReadableStream } from "./adapters/to-readable-stream.ts";
export { labelProbabilities, type TensorFlowApi, toTfDataset } from "./adapters/to-tf-dataset.ts";
export { Dataset } from "./dataset.ts";
export type { FlagName } from "./format/flags.ts";
export type { Manifest, ShardEntry, SplitName } from "./format/manifest.ts";
export type { DatasetRows } from "./format/split-rows.ts";
export { type WriteDatasetOptions, writeDataset } from "./format/write-dataset.ts";
export type { Batch, Mixup } from "./loader/batch.ts";
export { cifar10Normalization, type ImageFormat, type Normalization } from "./loader/image-format.ts";
export type { LiveSamples, LiveSource } from "./loader/live-source.ts";
export type { Loader } from "./loader/loader.ts";
export type { BlockedShuffleOptions, FiniteOptions, InfiniteOptions, LoaderOptions } from "./loader/loader-options.ts";
export type { LoaderState } from "./loader/loader-state.ts";
export { openDataset } from "./open-dataset.ts";
export type { OpenOptions } from "./open-options.ts";
export { type UploadedShard, uploadDataset } from "./publish/upload-dataset.ts";
export type { S3Options } from "./remote/s3-options.ts";
export type { CacheOptions } from "./remote/shard-cache.ts";
export type { TransferOptions } from "./remote/transfer-options.ts";
export type { ExtraColumn } from "./rows/extra-columns.ts";
export type { RowFilter } from "./rows/row-filter.ts";
export type { FlagFilter } from "./rows/row-flags.ts";
export type { ImageArray, Samples } from "./rows/samples.ts";
export { type DatasetReport, type VerifyOptions, verifyDataset } from "./verify/verify-dataset.ts";
export type { VerifyMode } from "./verify/verify-mode.ts";
export type { DatasetProblem } from "./verify/verify-shard.ts";
