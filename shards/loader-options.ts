import { BuilderError } from "../core/errors.ts";
import type { LoaderState } from "./loader-state.ts";

interface CommonOptions {
  /** Samples of a *global* batch, over all ranks. */
  readonly batchSize: number;
  /** Integer in [0, 2⁵³), default 0. */
  readonly seed?: number;
  /** This worker, in [0, worldSize), default 0: it gets samples rank, rank + worldSize, … of every global batch. */
  readonly rank?: number;
  /** Workers that share the global batches, default 1. It changes nothing about which batches there are. */
  readonly worldSize?: number;
  /**
   * Hand out the same arrays every time: they hold a batch until the next one is asked for. Faster, since fresh memory
   * costs more than the copy into it. Default false: every batch has arrays of its own.
   */
  readonly reuseArrays?: boolean;
  /** Go on from there instead of from the start. */
  readonly state?: LoaderState | undefined;
}

/** The paper's Real World(N, T): N samples, reused every epoch. */
export interface FiniteOptions extends CommonOptions {
  readonly regime: "finite";
  /** N; subsets of equal seed are nested. Default: the whole split. */
  readonly numSamples?: number;
  /** Passes over the N samples, default 1; Infinity never ends. */
  readonly epochs?: number;
  /** A new order every epoch, default true. */
  readonly shuffle?: boolean;
  /** Leave out the last, partial batch of every epoch, default true, as in the paper. */
  readonly dropLast?: boolean;
}

/** The paper's Ideal World(T): every sample is fresh; ends with `regime/exhausted` when a whole batch is not left. */
export interface InfiniteOptions extends CommonOptions {
  readonly regime: "infinite";
}

export type LoaderOptions = FiniteOptions | InfiniteOptions;

/** Options with every default filled in; `infinite` has one epoch. */
export interface ResolvedOptions {
  readonly regime: "finite" | "infinite";
  readonly numSamples: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  readonly rank: number;
  readonly worldSize: number;
}

/**
 * Fills in defaults and checks.
 * @param poolSize - rows of the split
 * @throws BuilderError `loader/unknown-regime`, `loader/out-of-range`
 */
export function resolveOptions(options: LoaderOptions, poolSize: number): ResolvedOptions {
  const { batchSize, seed = 0, rank = 0, worldSize = 1 } = options;
  const common = { batchSize, seed, rank, worldSize };
  requireInteger("batchSize", batchSize, 1, 2 ** 31);
  requireInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("worldSize", worldSize, 1, 2 ** 31);
  requireInteger("rank", rank, 0, worldSize - 1);
  if (poolSize === 0) {
    throw new BuilderError(
      "loader/empty-split",
      "the split must hold at least one image, it holds 0. Build more shards.",
    );
  }
  if (options.regime === "infinite") {
    return { regime: "infinite", ...common, numSamples: poolSize, epochs: 1, shuffle: true, dropLast: true };
  }
  if (options.regime !== "finite") {
    const seen = String((options as { readonly regime: unknown }).regime);
    throw new BuilderError("loader/unknown-regime", `regime must be finite or infinite, got ${seen}. Choose one.`);
  }
  const { numSamples = poolSize, epochs = 1, shuffle = true, dropLast = true } = options;
  requireInteger("numSamples", numSamples, 1, poolSize, "Build more shards or ask for fewer.");
  if (epochs !== Number.POSITIVE_INFINITY) requireInteger("epochs", epochs, 1, Number.MAX_SAFE_INTEGER);
  if (dropLast && numSamples < batchSize) {
    throw new BuilderError(
      "loader/out-of-range",
      `batchSize must be at most numSamples (${numSamples}) when the last partial batch is dropped, got ${batchSize}. ` +
        "Use smaller batches, or dropLast: false.",
    );
  }
  return { regime: "finite", ...common, numSamples, epochs, shuffle, dropLast };
}

function requireInteger(name: string, value: number, low: number, high: number, action = "Choose one in that range.") {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new BuilderError(
    "loader/out-of-range",
    `${name} must be an integer in [${low}, ${high}], got ${String(value)}. ${action}`,
  );
}
