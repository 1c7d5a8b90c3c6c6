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

/** The numbers of a plan that visitors choose, in the order in which they are asked for. */
export const planNumbers = ["numSamples", "numBatches", "batchSize", "learningRate", "seed"] as const;
export type PlanNumber = (typeof planNumbers)[number];

/** The least and the largest value of each number that a set can feed, given the size of a batch. */
export function planLimits(
  numRows: number,
  batchSize: number,
): Readonly<Record<PlanNumber, readonly [least: number, most: number]>> {
  const mostInBatch = Math.min(512, numRows);
  const size = Number.isFinite(batchSize) ? Math.max(1, Math.min(mostInBatch, Math.round(batchSize))) : 1;
  return {
    numSamples: [size, numRows],
    numBatches: [1, Math.floor(numRows / size)],
    batchSize: [1, mostInBatch],
    learningRate: [0.0001, 1],
    seed: [0, 2 ** 32],
  };
}

/** A plan with its numbers forced into what the set can feed. What is not a number becomes that of the first plan. */
export function clampPlan(plan: ExperimentPlan, numRows: number): ExperimentPlan {
  const first = firstPlan(numRows);
  const numbers = Object.fromEntries(
    planNumbers.map((key) => [key, Number.isFinite(plan[key]) ? plan[key] : first[key]]),
  ) as Record<PlanNumber, number>;
  const limits = planLimits(numRows, numbers.batchSize);
  for (const key of planNumbers) {
    const [least, most] = limits[key];
    const value = key === "learningRate" ? numbers[key] : Math.round(numbers[key]);
    numbers[key] = Math.max(least, Math.min(most, value));
  }
  return { ...plan, ...numbers };
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
