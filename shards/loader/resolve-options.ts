import { Cifar5mError } from "../../core/errors.ts";
import { requireKeys } from "../../core/require-keys.ts";
import type { ShuffleKind } from "../order/shuffle.ts";
import { type ExtraColumn, extraColumnNames } from "../rows/extra-columns.ts";
import type { Augmentation } from "./augmentation.ts";
import type { ImageFormat } from "./image-format.ts";
import type { LabelNoise } from "./label-noise.ts";
import type { AnyLoaderOptions, FiniteOptions, InfiniteOptions, LoaderOptions } from "./loader-options.ts";
import {
  outOfRange,
  requireBoolean,
  requireChoice,
  requireInteger,
  requireList,
  requireMethods,
  requireNumber,
} from "./require-option.ts";
import { resolveAugmentation, resolveFormat } from "./resolve-images.ts";

/** Options with every default filled in; `infinite` has one epoch, and without `epochs` each loop is one. Plain data. */
export interface ResolvedOptions {
  readonly regime: "finite" | "infinite";
  readonly numSamples: number;
  readonly epochs: number | undefined;
  readonly batchSize: number;
  readonly seed: number;
  readonly shuffle: ShuffleKind;
  readonly dropLast: boolean;
  readonly rank: number;
  readonly worldSize: number;
  readonly format: ImageFormat;
  readonly augmentation: Augmentation;
  readonly labelNoise: LabelNoise | undefined;
  readonly columns: readonly ExtraColumn[];
  readonly numWorkers: number;
  readonly reuseArrays: boolean;
}

/**
 * Fills in defaults and checks all options.
 * @param poolSize - number of rows to serve
 * @throws Cifar5mError `options/unknown-key`, `loader/unknown-regime`, `loader/out-of-range`, `loader/empty-split`
 */
export function resolveOptions(options: AnyLoaderOptions, poolSize: number): ResolvedOptions {
  requireRegimeKeys(options);
  requireKeys("the loader's options", options, keysOfRegime[options?.regime] ?? Object.keys(commonKeys));
  const common = resolveCommon(options);
  if (poolSize === 0) {
    throw new Cifar5mError(
      "loader/empty-split",
      "the split must hold at least one image, but it holds 0. Build more shards, or filter less.",
    );
  }
  const { batchSize } = common;
  const { shuffle: wantedShuffle = "full" } = options;
  const shuffle = resolveShuffle(wantedShuffle);
  if (options.regime === "infinite") {
    if (shuffle.kind === "none") throw outOfRange("shuffle", "full or blocked in the infinite regime", false);
    if (options.live !== undefined) {
      const action = "Pass what `await openLiveSource(RUN)` of cifar5m/live gives.";
      requireMethods("live", options.live, { rule: "an object with a function sample", methods: ["sample"], action });
    }
    return { regime: "infinite", ...common, numSamples: poolSize, epochs: 1, shuffle, dropLast: true };
  }
  if (options.regime !== "finite") {
    const seen = String((options as { readonly regime: unknown }).regime);
    throw new Cifar5mError("loader/unknown-regime", `regime must be finite or infinite, got ${seen}. Choose one.`);
  }
  const { numSamples = poolSize, epochs, dropLast = shuffle.kind !== "none" } = options;
  requireBoolean("dropLast", dropLast);
  requireInteger("numSamples", numSamples, 1, poolSize, "Build more shards or ask for fewer.");
  if (epochs !== undefined && epochs !== Number.POSITIVE_INFINITY) {
    const action = "Pass a number of epochs, Infinity, or leave it out.";
    requireInteger("epochs", epochs, 1, Number.MAX_SAFE_INTEGER, action);
  }
  if (dropLast && numSamples < batchSize) {
    throw new Cifar5mError(
      "loader/out-of-range",
      `batchSize must be at most numSamples (${numSamples}) when the last partial batch is dropped, got ${batchSize}. ` +
        "Use smaller batches, or dropLast: false.",
    );
  }
  return { regime: "finite", ...common, numSamples, epochs, shuffle, dropLast };
}

// The compiler refuses a list that lacks an option, or has one that does not exist.
const commonKeys = {
  regime: true,
  batchSize: true,
  seed: true,
  rank: true,
  worldSize: true,
  reuseArrays: true,
  state: true,
  dtype: true,
  layout: true,
  normalize: true,
  augment: true,
  labelNoise: true,
  columns: true,
  workers: true,
  signal: true,
  shuffle: true,
} as const;
const finiteKeys = { numSamples: true, epochs: true, dropLast: true } as const;
const infiniteKeys = { live: true } as const;
const keysOfRegime = {
  finite: Object.keys({ ...commonKeys, ...finiteKeys } satisfies Record<keyof FiniteOptions, true>),
  infinite: Object.keys({ ...commonKeys, ...infiniteKeys } satisfies Record<keyof InfiniteOptions, true>),
};

/** Tells an option of the other regime from a misspelled one. */
function requireRegimeKeys(options: AnyLoaderOptions): void {
  const other = options?.regime === "finite" ? "infinite" : "finite";
  const keysOfOther = Object.keys(other === "finite" ? finiteKeys : infiniteKeys);
  const given: Readonly<Record<string, unknown>> = { ...options };
  const key = keysOfRegime[options?.regime] && keysOfOther.find((name) => given[name] !== undefined);
  if (key === undefined) return;
  throw new Cifar5mError(
    "options/unknown-key",
    `${key} is not a key of the loader's options in the ${options.regime} regime. Leave it out, or use the ${other} regime.`,
  );
}

function resolveCommon(options: AnyLoaderOptions) {
  const { batchSize, seed = 0, rank = 0, worldSize = 1, reuseArrays = false, workers = 0, columns = [] } = options;
  requireInteger("batchSize", batchSize, 1, 2 ** 31);
  requireInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("worldSize", worldSize, 1, 2 ** 31);
  requireBothOfGroup(options, worldSize);
  requireInteger("rank", rank, 0, worldSize - 1);
  if (batchSize < worldSize) {
    throw outOfRange("batchSize", `at least worldSize (${worldSize})`, batchSize, "It is the global batch.");
  }
  requireInteger("workers", workers, 0, 256);
  requireBoolean("reuseArrays", reuseArrays);
  if (options.signal !== undefined) {
    const methods = ["throwIfAborted", "addEventListener"];
    const action = "Pass the signal of an AbortController.";
    requireMethods("signal", options.signal, { rule: "an AbortSignal", methods, action });
  }
  requireList("columns", columns, '["class"]');
  for (const column of columns) requireChoice("columns", column, extraColumnNames);
  const format = resolveFormat(options);
  const augmentation = resolveAugmentation(options.augment, format);
  return {
    batchSize,
    seed,
    rank,
    worldSize,
    reuseArrays,
    numWorkers: workers,
    columns,
    format,
    augmentation,
    labelNoise: resolveLabelNoise(options.labelNoise, seed),
  };
}

/** Where only the world size is given, every process would get the share of rank 0. */
function requireBothOfGroup({ rank, worldSize }: AnyLoaderOptions, numRanks: number): void {
  const alone = worldSize === undefined ? "rank" : "worldSize";
  if ((rank === undefined) === (worldSize === undefined) || (alone === "worldSize" && numRanks === 1)) return;
  throw new Cifar5mError(
    "loader/out-of-range",
    `rank and worldSize must be given together, got ${alone} alone. Pass both, or neither.`,
  );
}

function resolveLabelNoise(noise: LoaderOptions["labelNoise"], loaderSeed: number): LabelNoise | undefined {
  if (noise === undefined) return undefined;
  requireKeys("labelNoise", noise, ["rate", "seed"]);
  const { rate, seed = loaderSeed } = noise;
  requireNumber("labelNoise.rate", rate, 0, 1);
  requireInteger("labelNoise.seed", seed, 0, Number.MAX_SAFE_INTEGER);
  return { rate, seed };
}

function resolveShuffle(shuffle: NonNullable<FiniteOptions["shuffle"]>): ShuffleKind {
  if (shuffle === false) return { kind: "none" };
  if (shuffle === true || shuffle === "full") return { kind: "full" };
  if (shuffle !== "blocked" && (typeof shuffle !== "object" || shuffle === null)) {
    const rule = "true, false, full, blocked, or an object with keys of blockRows, windowBlocks";
    throw outOfRange("shuffle", rule, shuffle, "Choose one of them.");
  }
  if (shuffle !== "blocked") requireKeys("shuffle", shuffle, ["blockRows", "windowBlocks"]);
  const { blockRows = 8192, windowBlocks = 8 } = shuffle === "blocked" ? {} : shuffle;
  requireInteger("shuffle.blockRows", blockRows, 1, 2 ** 31);
  requireInteger("shuffle.windowBlocks", windowBlocks, 1, 2 ** 31);
  return { kind: "blocked", blockRows, windowBlocks };
}
