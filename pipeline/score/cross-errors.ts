import { join } from "node:path";
import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { executionIdentity } from "../../engine/executor.ts";
import { errorOf } from "../../labeler/calibration.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { commitBytes } from "../../storage/commit.ts";
import { fileExists, readWholeFile } from "../../storage/read-file.ts";
import { openTrainingStore, withTraining } from "../../storage/training-store.ts";
import type { ModelRuntime, TrainingTask } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import type { StageContext } from "../run/stage.ts";

/** Kinds of images that classifiers are tested on. */
export const kinds = ["cifar10", "synthetic"] as const;
export type Kind = (typeof kinds)[number];

/** What classifiers are trained on: images of one kind, or as many of each. */
export const trainingKinds = [...kinds, "both"] as const;
export type TrainingKind = (typeof trainingKinds)[number];

/** Train and test images of each kind. */
export type ImagesByKind = Readonly<Record<Kind, { readonly train: LabeledImages; readonly test: LabeledImages }>>;

/**
 * Hash of everything that determines the classifiers.
 * @param images - the train images: hashes of the two sets, and the number of images of each
 */
export function hashOfClassifiers(
  images: { readonly set: string; readonly cifar10: string; readonly trainCount: number },
  config: Config,
): string {
  const steps = classifierSteps(config.labeler, images.trainCount);
  return hashConfig({ ...images, ...executionIdentity(config), labeler: config.labeler, steps });
}

/** Steps of every classifier, at least. With fewer, more data seems to help where only more steps do. */
const fewestSteps = 500;

/**
 * Number of steps of each classifier, so that they differ in their images only. The epochs of the options are those of the
 * largest set, both kinds together.
 * @param trainCount - images of a kind
 */
export function classifierSteps({ epochs, batchSize }: Config["labeler"], trainCount: number): number {
  return Math.max(fewestSteps, Math.round((epochs * 2 * trainCount) / batchSize));
}

/**
 * Trains the labeler's network on images of one kind, or of both, and tests it on each kind. An interrupted training
 * continues, and a finished one is used again.
 * @param options.folder - folder of the trainings; each set of images and options needs its own
 * @returns test error by kind
 * @throws what the training throws; `disk/…`
 * @see Ravuri and Vinyals 2019, "Classification accuracy score for conditional generative models", arXiv:1905.10887
 */
export async function trainAndTest(
  trainedOn: TrainingKind,
  options: {
    readonly images: ImagesByKind;
    readonly folder: string;
    readonly config: Config;
    readonly runtime: ModelRuntime;
  },
  context: Pick<TrainingTask, "signal" | "onProgress"> & Pick<StageContext, "tell">,
): Promise<Record<Kind, number>> {
  const { images, folder, config, runtime } = options;
  const { labeler } = config;
  const steps = classifierSteps(labeler, images.cifar10.train.labels.length);
  const train = trainImages(trainedOn, images);
  const path = join(folder, `${trainedOn}.safetensors`);
  if (!(await fileExists(path))) {
    const files = join(folder, `${trainedOn}-training`);
    await withTraining(files, context, async () => {
      const { weights } = await runtime.train.labeler({
        // Train on every image of the kind.
        config: {
          ...config,
          labeler: { ...labeler, heldOut: 0, epochs: (steps * labeler.batchSize) / train.labels.length },
        },
        train,
        test: images.cifar10.test,
        store: openTrainingStore(files),
        signal: context.signal,
        onProgress: context.onProgress,
      });
      await commitBytes(path, weights);
    });
  }
  const classifier = await runtime.openLabeler(config, await readWholeFile(path));
  try {
    const errors = { cifar10: 0, synthetic: 0 };
    for (const tested of kinds) {
      const { test } = images[tested];
      errors[tested] = errorOf(await classifier.label(test.images, context.signal), test.labels);
    }
    return errors;
  } finally {
    await classifier.close();
  }
}

function trainImages(trainedOn: TrainingKind, { cifar10, synthetic }: ImagesByKind): LabeledImages {
  if (trainedOn === "cifar10") return cifar10.train;
  if (trainedOn === "synthetic") return synthetic.train;
  return {
    images: Buffer.concat([cifar10.train.images, synthetic.train.images]),
    labels: Buffer.concat([cifar10.train.labels, synthetic.train.labels]),
  };
}

/** The first images, at most `count` of them. */
export function firstImages({ images, labels }: LabeledImages, count: number): LabeledImages {
  return { images: images.subarray(0, count * imageBytes), labels: labels.subarray(0, count) };
}
