import type { Batch, Dataset, ImageArray, LiveSource, Loader, LoaderOptions } from "../shards/index.ts";
import type { Augmentation, RunOptions } from "./run-options.ts";

/** For pixels in [-1, 1], the input of the networks. */
const normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

/** Augmentations that need numbers instead of bytes. In numbers 0 is the middle of the range, in bytes it is black. */
const floatAugmentations: ReadonlySet<Augmentation> = new Set(["cutout", "mixup"]);

/** Whether a run's batches hold bytes, [B, 32, 32, 3], or numbers in [-1, 1], [B, 3, 32, 32]. */
export function servesBytes({ augmentation }: Pick<RunOptions, "augmentation">): boolean {
  return !floatAugmentations.has(augmentation);
}

/** Where a run's train images come from. */
export interface TrainSource {
  /** The images of the train split that the run sees. */
  readonly train: Dataset;
  /** Makes images for the ideal world when those of the data set are used up. */
  readonly live: LiveSource | undefined;
}

/**
 * The batches of a world from a step on. The real world has N samples, shuffled anew every epoch; the ideal world has
 * fresh samples at every step. Everything else is the same for both.
 * @param firstStep - number of steps that are already done
 * @throws Cifar5mError `loader/…`
 */
export function batchesFrom(
  source: TrainSource,
  options: RunOptions,
  firstStep: number,
): AsyncIterable<Batch<ImageArray>> {
  const start = loaderOf(source, options, undefined);
  if (firstStep === 0) return start;
  const epoch = options.world === "ideal" ? 0 : Math.floor(firstStep / start.batchesPerEpoch);
  const position = (firstStep - epoch * start.batchesPerEpoch) * options.batchSize;
  return loaderOf(source, options, { ...start.state(), epoch, position });
}

/** Every step has a whole batch, as in the ideal world. */
const realWorld = { regime: "finite", epochs: Number.POSITIVE_INFINITY, dropLast: true } as const;

function loaderOf(
  { train, live }: TrainSource,
  options: RunOptions,
  state: LoaderOptions["state"],
): Loader<ImageArray> {
  const { world, numSamples, batchSize, seed, labelNoise } = options;
  const common = {
    batchSize,
    seed,
    state,
    augment: augmentOf(options.augmentation),
    ...(labelNoise === undefined ? {} : { labelNoise: { rate: labelNoise.rate } }),
    ...(servesBytes(options) ? {} : { dtype: "float32" as const, layout: "NCHW" as const, normalize: normalization }),
  };
  return train.loader<"uint8" | "float32">(
    world === "ideal"
      ? { ...common, regime: "infinite", ...(live === undefined ? {} : { live }) }
      : { ...common, ...realWorld, numSamples, shuffle: options.shuffle },
  ) as Loader<ImageArray>;
}

function augmentOf(augmentation: Augmentation): NonNullable<LoaderOptions["augment"]> {
  switch (augmentation) {
    case "none":
      return {};
    case "flip":
      return { flip: true };
    case "crop-flip":
      return { flip: true, crop: true };
    case "cutout":
      return { flip: true, crop: true, cutout: { size: 16 } };
    case "mixup":
      return { flip: true, crop: true, mixup: { alpha: 1 } };
  }
}

/** Images for evaluation, in the stored format. */
export interface EvaluationSet {
  readonly name: string;
  /** uint8 [N, 32, 32, 3] flattened. */
  readonly images: Uint8Array;
  readonly labels: Int32Array;
}

/**
 * Reads images without augmentation: the first ones of a seeded subset. Those of the train split are among the N images
 * that the real world with the same seed trains on.
 */
export async function readEvaluationSet(
  name: string,
  dataset: Dataset,
  options: { readonly numSamples: number; readonly seed: number; readonly labelNoise?: number | undefined },
): Promise<EvaluationSet> {
  const { seed, labelNoise } = options;
  const numSamples = Math.min(options.numSamples, dataset.numSamples);
  const loader = dataset.loader({
    regime: "finite",
    numSamples,
    batchSize: numSamples,
    seed,
    shuffle: false,
    ...(labelNoise === undefined ? {} : { labelNoise: { rate: labelNoise } }),
  });
  for await (const { images, labels } of loader) return { name, images, labels };
  throw new Error("a subset of at least one image has a batch");
}
