/** The loader for browsers: the same order, states and errors as in Node, over HTTP. */

export { Cifar5mError } from "../../core/errors.ts";
export { toReadableStream } from "../adapters/to-readable-stream.ts";
export { labelProbabilities, type TensorFlowApi, toTfDataset } from "../adapters/to-tf-dataset.ts";
export type { Dataset } from "../dataset.ts";
export type { FlagName } from "../format/flags.ts";
export type { Manifest, ShardEntry, SplitName } from "../format/manifest.ts";
export type { Batch, Mixup } from "../loader/batch.ts";
export { cifar10Normalization, type ImageFormat, type Normalization } from "../loader/image-format.ts";
export type { LiveSamples, LiveSource } from "../loader/live-source.ts";
export type { Loader } from "../loader/loader.ts";
export type { BlockedShuffleOptions, FiniteOptions, InfiniteOptions, LoaderOptions } from "../loader/loader-options.ts";
export type { LoaderState } from "../loader/loader-state.ts";
export type { TransferOptions } from "../remote/transfer-options.ts";
export type { RowFilter } from "../rows/row-filter.ts";
export type { FlagFilter } from "../rows/row-flags.ts";
export type { ImageArray, Samples } from "../rows/samples.ts";
export { type BrowserOpenOptions, openDataset } from "./open-dataset.ts";
