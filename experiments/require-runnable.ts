import { Cifar5mError } from "../core/errors.ts";
import type { Dataset } from "../shards/index.ts";
import { canonicalJson } from "../storage/canonical-json.ts";
import { type ExperimentData, partOf } from "./experiment-data.ts";
import type { RunOptions } from "./run-options.ts";
import { servesBytes } from "./worlds.ts";

/** Counts the images of some classes of a data set; all of them if the classes are undefined. */
export type CountImages = (dataset: Dataset, classes: readonly string[] | undefined) => Promise<number>;

/** Counts images, those of the same classes of a data set only once: each count reads the labels of the whole split. */
export function imageCounter(): CountImages {
  const counts = new Map<string, number>();
  return async (dataset, classes) => {
    const key = canonicalJson([dataset.fingerprint, classes ?? null]);
    const count = counts.get(key) ?? (await partOf(dataset, classes)).numSamples;
    counts.set(key, count);
    return count;
  };
}

/**
 * Refuses a run that would fail for want of images, or whose options contradict each other, before any training.
 * @param pretrainingSource - the data set of its pretraining, if it has one
 * @throws Cifar5mError `experiment/pool-too-small`, `experiment/no-test-images`, `experiment/out-of-range`;
 *   `dataset/unknown-class`
 */
export async function requireRunnable(
  options: RunOptions,
  data: ExperimentData,
  pretrainingSource: Dataset | undefined,
  countImages: CountImages,
): Promise<void> {
  const { classes, pretraining, batchSize } = options;
  requireRotatable(options);
  requireOtherLabels(options, data.train, pretrainingSource);
  requirePool(options, await countImages(data.train, classes), data.live !== undefined);
  requireTestImages("dataset", await countImages(data.test, classes), classes);
  for (const [name, other] of data.others) {
    requireTestImages(`alsoTest.${name}`, await countImages(other, classes), classes);
  }
  if (pretraining === undefined || pretrainingSource === undefined) return;
  const numImages = await countImages(pretrainingSource, pretraining.classes);
  if (numImages < batchSize) {
    throw new Cifar5mError(
      "experiment/pool-too-small",
      `pretraining needs at least a batch of images${ofClasses(pretraining.classes)}, batchSize ${batchSize}, got ${numImages}. ` +
        "Take a smaller batchSize, or another pretraining.dataset.",
    );
  }
}

/**
 * @param isLive - whether more images can be made, which is possible only without a choice of classes
 * @throws Cifar5mError `experiment/pool-too-small` if a run would need more images than there are; `experiment/out-of-range`
 */
function requirePool(options: RunOptions, poolSize: number, isLive: boolean): void {
  const { world, numSamples, batchSize, steps, classes, shuffle } = options;
  if (world === "ideal" && steps * batchSize > poolSize && !(isLive && classes === undefined)) {
    throw new Cifar5mError(
      "experiment/pool-too-small",
      `the ideal world of ${steps} steps × ${batchSize} images needs ${steps * batchSize} images, the pool has ${poolSize}. ` +
        `Take at most ${Math.floor(poolSize / batchSize)} steps, smaller batches, build a larger set, or name a live run.`,
    );
  }
  if (world === "real" && numSamples > poolSize) {
    throw new Cifar5mError(
      "experiment/pool-too-small",
      `the real world of N = ${numSamples} samples needs as many images, the pool has ${poolSize}. Take a smaller numSamples.`,
    );
  }
  if (world === "real" && !shuffle && numSamples === poolSize) {
    throw new Cifar5mError(
      "experiment/out-of-range",
      `numSamples must be below the size of the pool (${poolSize}) where shuffle is false, got ${numSamples}: all images in order come ` +
        "in that of the files, which may be by class. Take fewer, or shuffle.",
    );
  }
  if (world === "real" && numSamples < batchSize) {
    throw new Cifar5mError(
      "experiment/pool-too-small",
      `the real world needs at least a batch of samples, got N = ${numSamples} and batchSize ${batchSize}. Take a larger numSamples.`,
    );
  }
}

/** @param key - the key of the experiment file that names the data set */
function requireTestImages(key: string, numImages: number, classes: readonly string[] | undefined): void {
  if (numImages > 0) return;
  throw new Cifar5mError(
    "experiment/no-test-images",
    `${key} must have test images${ofClasses(classes)}, got 0. ` +
      (key === "dataset" ? "Build it with some, by --test-count." : "Leave it out, or name another data set."),
  );
}

function requireRotatable(options: RunOptions): void {
  if (options.pretraining?.task !== "rotation" || servesBytes(options)) return;
  throw new Cifar5mError(
    "experiment/out-of-range",
    `augmentation must be none, flip or crop-flip with a pretraining by rotation, which turns images of bytes, got ${options.augmentation}. ` +
      "Change augmentation or pretraining.task.",
  );
}

/** Pretraining on labels of the pool would show a real world images beyond its N. */
function requireOtherLabels(options: RunOptions, pool: Dataset, source: Dataset | undefined): void {
  const { classes = pool.classNames, pretraining } = options;
  if (pretraining?.task !== "labels" || source?.manifest.sha256 !== pool.manifest.sha256) return;
  const shared = classes.filter((name) => pretraining.classes?.includes(name) ?? true);
  if (shared.length === 0) return;
  throw new Cifar5mError(
    "experiment/out-of-range",
    `pretraining with task "labels" must learn from another data set or other classes than the run, got ${shared.join(", ")} of the pool: ` +
      'a real world would know labels beyond its N. Set pretraining.dataset or pretraining.classes, or take the task "rotation".',
  );
}

function ofClasses(classes: readonly string[] | undefined): string {
  return classes === undefined ? "" : ` of the classes ${classes.join(", ")}`;
}
