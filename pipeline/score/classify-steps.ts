import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { hasCifar10Classes } from "../../core/image-layout.ts";
import { plainText } from "../../core/plain-text.ts";
import type { Manifest } from "../../shards/index.ts";
import type { Cifar10 } from "../cifar-10/open-cifar-10.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import type { RunFolder } from "../run/run-folder.ts";
import type { Step } from "../run/step.ts";
import { trainingCounter } from "../run/training-counter.ts";
import {
  classifierSteps,
  firstImages,
  hashOfClassifiers,
  type ImagesByKind,
  type Kind,
  type TrainingKind,
  trainAndTest,
  trainingKinds,
} from "./cross-errors.ts";
import { pickScoredImages } from "./pick-scored-images.ts";
import type { CrossErrors } from "./score.ts";

/** Number of test images per kind, at most: as many as CIFAR-10 has. */
const maxTested = 10_000;

/**
 * Steps that train classifiers on each kind of images and on both together, for as many training steps, and test them on
 * each kind.
 * @param onErrors - receives the test errors when all classifiers are done
 */
export function classifySteps(
  options: {
    readonly folder: RunFolder;
    readonly config: Config;
    readonly runtime: ModelRuntime;
    readonly numClassified: number;
    readonly directory: string;
    readonly manifest: Manifest;
    readonly cifar10: Cifar10;
  },
  onErrors: (errors: CrossErrors) => void,
): Step[] {
  const { config, runtime, directory, manifest, cifar10 } = options;
  const trainCount = Math.min(options.numClassified, manifest.splits.train.rows, cifar10.train.labels.length);
  const { seed, labeler } = config;
  const steps = classifierSteps(labeler, trainCount);
  const images = { set: manifest.sha256, cifar10: cifar10.sha256, trainCount };
  const folder = join(options.folder.scoring, `classifiers-${hashOfClassifiers(images, config).slice(0, 12)}`);
  const errors: Partial<Record<TrainingKind, Record<Kind, number>>> = {};
  const load = async (signal: AbortSignal): Promise<ImagesByKind> => ({
    cifar10: { train: firstImages(cifar10.train, trainCount), test: cifar10.test },
    synthetic: {
      train: await pickScoredImages({ directory, split: "train", count: trainCount, seed, signal }),
      test: await pickScoredImages({ directory, split: "test", count: maxTested, seed, signal }),
    },
  });
  return trainingKinds.map((kind) => ({
    name: `score-on-${kind}`,
    total: steps * labeler.batchSize,
    async *run(context) {
      const { signal } = context;
      const images = await load(signal);
      errors[kind] = await trainAndTest(
        kind,
        { images, folder, config, runtime },
        { signal, tell: context.tell, onProgress: trainingCounter(context, `score-on-${kind}`) },
      );
      const { cifar10: first, synthetic: second, both } = errors;
      if (first !== undefined && second !== undefined && both !== undefined) {
        const testCount = {
          cifar10: images.cifar10.test.labels.length,
          synthetic: images.synthetic.test.labels.length,
        };
        const error = { cifar10: first, synthetic: second, both };
        onErrors({ trainCount, testCount, steps, epochs: (steps * labeler.batchSize) / trainCount, error });
      }
      yield errors[kind];
    },
  }));
}

/** Checks the requirements of classifiers that are tested on CIFAR-10: its classes, and held-out images. */
export function requireClasses(manifest: Manifest, directory: string): void {
  if (!hasCifar10Classes(manifest)) {
    throw new Cifar5mError(
      "score/other-classes",
      `${directory} must have the ten classes of CIFAR-10 for --cas, got ${plainText(manifest.classNames.join(", "), 200)}. Leave --cas out.`,
    );
  }
  if (manifest.splits.test.rows > 0) return;
  throw new Cifar5mError(
    "score/no-test-images",
    `${directory} must have test images for --cas, which tests on held-out images, and has none. Build with --test-count, or leave --cas out.`,
  );
}
