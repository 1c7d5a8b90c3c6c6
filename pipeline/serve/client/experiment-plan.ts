import type { SplitName } from "../../../shards/format/manifest.ts";
import type { BlockedShuffleOptions } from "../../../shards/loader/loader-options.ts";

export const networkNames = ["mlp", "cnn"] as const;
export type NetworkName = (typeof networkNames)[number];
export const worldNames = ["real", "ideal"] as const;
export type WorldName = (typeof worldNames)[number];

/** A live experiment: both worlds train the same network for the same number of batches. */
export interface ExperimentPlan {
  readonly network: NetworkName;
  /** Images of the real world, which it sees again and again. */
  readonly numSamples: number;
  readonly batchSize: number;
  readonly numBatches: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly shuffle: "full" | BlockedShuffleOptions;
}

/** Images of the set's order within which a large set is shuffled: few shards are fetched. */
const blocks: BlockedShuffleOptions = { blockRows: 8192, windowBlocks: 4 };
/** Rows of a set that is fetched whole if need be: 250 MB. */
const maxFullRows = 80_000;

/**
 * An experiment that a set of this size can feed, and a browser without a GPU ends within three minutes.
 * @param numRows - images of the train split
 */
export function firstPlan(numRows: number): ExperimentPlan {
  const batchSize = Math.max(1, Math.min(32, Math.floor(numRows / 50)));
  const numBatches = Math.max(1, Math.min(400, Math.floor(numRows / batchSize)));
  return {
    network: "mlp",
    // A twentieth of what the ideal world sees, so that the real world sees each image twenty times.
    numSamples: Math.max(batchSize, Math.min(1000, Math.floor((numBatches * batchSize) / 20))),
    batchSize,
    numBatches,
    learningRate: 0.02,
    seed: 0,
    shuffle: numRows > maxFullRows ? blocks : "full",
  };
}

/** A plan with its numbers forced into what the set can feed. */
export function clampPlan(plan: ExperimentPlan, numRows: number): ExperimentPlan {
  const between = (value: number, least: number, most: number) =>
    Number.isFinite(value) ? Math.max(least, Math.min(most, Math.round(value))) : least;
  const batchSize = between(plan.batchSize, 1, Math.min(512, numRows));
  return {
    ...plan,
    batchSize,
    numSamples: between(plan.numSamples, batchSize, numRows),
    numBatches: between(plan.numBatches, 1, Math.floor(numRows / batchSize)),
    learningRate: plan.learningRate > 0 && plan.learningRate <= 1 ? plan.learningRate : 0.02,
    seed: between(plan.seed, 0, 2 ** 32),
  };
}

/** Options of the loader of a world, here and in Node alike. */
export function loaderOptionsOf(plan: ExperimentPlan, world: WorldName) {
  const { batchSize, seed, shuffle, numSamples } = plan;
  return world === "real"
    ? ({ regime: "finite", numSamples, epochs: Number.POSITIVE_INFINITY, batchSize, seed, shuffle } as const)
    : ({ regime: "infinite", batchSize, seed, shuffle } as const);
}

/** The split whose images errors are measured on: test, unless the set has no test images. */
export function measuredSplit(splits: Readonly<Record<SplitName, { readonly rows: number }>>): SplitName {
  return splits.test.rows > 0 ? "test" : "train";
}

/** Figures of a world after some batches. */
export interface CurvePoint {
  readonly world: WorldName;
  readonly numBatches: number;
  /** Mean of 1 − p(label) over measured images. */
  readonly softError: number;
  /** Share of measured images with another most probable class than the label. */
  readonly error: number;
  /** Soft error on images that the world has trained on; of the real world only. */
  readonly trainSoftError: number | undefined;
}

/** What the worker tells the page. */
export type WorkerMessage =
  | { readonly kind: "ready"; readonly backend: string; readonly numMeasured: number }
  | { readonly kind: "point"; readonly point: CurvePoint }
  | {
      readonly kind: "done";
      readonly ids: Readonly<
        Record<WorldName, { readonly count: number; readonly sha256: string; readonly first: readonly number[] }>
      >;
    }
  | { readonly kind: "failed"; readonly message: string };

/** What the page tells the worker. */
export interface WorkerTask {
  /** URL of the folder of the set. */
  readonly location: string;
  readonly plan: ExperimentPlan;
  readonly measuredOn: SplitName;
}
