import type { ExtraColumn } from "../rows/extra-columns.ts";
import type { ImageFormat, Normalization } from "./image-format.ts";
import type { LiveSource } from "./live-source.ts";
import type { LoaderState } from "./loader-state.ts";

interface CommonOptions<DType extends ImageFormat["dtype"] = "uint8"> {
  /** Samples of a *global* batch, summed over all ranks; at least one for each. */
  readonly batchSize: number;
  /** Integer in [0, 2⁵³), default 0. */
  readonly seed?: number;
  /**
   * Number of this worker, in [0, worldSize), default 0. It gets samples rank, rank + worldSize, … of every global
   * batch.
   */
  readonly rank?: number;
  /** Number of workers that share the global batches, default 1, given with `rank`. The global batches do not depend on it. */
  readonly worldSize?: number;
  /**
   * Return the same arrays every time: they hold a batch until the next batch is requested. This is faster, because
   * fresh memory costs more than the copy into it. Default false: every batch has new arrays.
   */
  readonly reuseArrays?: boolean;
  /** Continue from this state instead of the start. */
  readonly state?: LoaderState | undefined;
  /** `uint8` (default): bytes as stored. `float32`: bytes / 255. */
  readonly dtype?: DType;
  /** `NHWC` (default): channels last, as stored. `NCHW`: one plane a channel. */
  readonly layout?: ImageFormat["layout"];
  /** For float32: (x - mean) / std, per channel; true for the values of CIFAR-10. Default false. */
  readonly normalize?: boolean | Normalization;
  /** Random changes of each image, new every time it is served. Default: none. */
  readonly augment?: {
    /** Mirror left to right, with probability one half. */
    readonly flip?: boolean;
    /** Take a random window of the padded image; true for 4 pixels of black. Fewer than 32 pixels. */
    readonly crop?: boolean | { readonly padding?: number; readonly mode?: "zero" | "reflect" };
    /** Set a square of this many pixels to 0, which is the mean if images are normalized. */
    readonly cutout?: { readonly size: number };
    /** Blend with another image of the global batch; needs float32. The labels are in `mixup` of the batch. */
    readonly mixup?: { readonly alpha: number };
  };
  /** Replace the labels of some samples, always by the same labels. `seed`: the loader's seed by default. */
  readonly labelNoise?: { readonly rate: number; readonly seed?: number };
  /** Columns besides images, labels and ids. */
  readonly columns?: readonly ExtraColumn[];
  /**
   * Number of threads that prepare batches ahead. Default 0: each batch is prepared when it is requested. The batches
   * are the same. Threads pay off if images are augmented or converted. Stored images are served faster without
   * threads, above all from memory, since threads read them from the files again.
   */
  readonly workers?: number;
  /** Ends the loop, which throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of `blocked` shuffles: see `ShuffleKind`. */
export interface BlockedShuffleOptions {
  /** Default 8,192. */
  readonly blockRows?: number;
  /** Default 8. */
  readonly windowBlocks?: number;
}

/** The paper's Real World(N, T): N samples, reused every epoch. */
export interface FiniteOptions<DType extends ImageFormat["dtype"] = "uint8"> extends CommonOptions<DType> {
  readonly regime: "finite";
  /** N; subsets of equal seed and shuffle are nested. Default: the whole split. */
  readonly numSamples?: number;
  /**
   * Number of passes over the N samples that one loop serves; Infinity never ends. By default each loop serves one epoch,
   * and a further loop the next one.
   */
  readonly epochs?: number;
  /** Use a new order every epoch. Default true, which means `full`; see `ShuffleKind`. */
  readonly shuffle?: boolean | "full" | "blocked" | BlockedShuffleOptions;
  /**
   * Leave out the last, partial batch of every epoch. Default true, as in the paper, but false if shuffle is: a loop in
   * file order evaluates, and serves every image. If false, a rank may get an empty last batch; skip it: a mean over it
   * is NaN.
   */
  readonly dropLast?: boolean;
}

/**
 * The paper's Ideal World(T): every sample is fresh. The loader throws `regime/exhausted` when no whole batch is left.
 */
export interface InfiniteOptions<DType extends ImageFormat["dtype"] = "uint8"> extends CommonOptions<DType> {
  readonly regime: "infinite";
  /** Default `full`; see `ShuffleKind`. */
  readonly shuffle?: "full" | "blocked" | BlockedShuffleOptions;
  /** Makes images when the pool is used up. Their ids follow those of the data set. */
  readonly live?: LiveSource;
}

export type LoaderOptions<DType extends ImageFormat["dtype"] = "uint8"> = FiniteOptions<DType> | InfiniteOptions<DType>;

/** Options for any image type. */
export type AnyLoaderOptions = LoaderOptions<ImageFormat["dtype"]>;
