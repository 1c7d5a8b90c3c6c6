import { argmax } from "../../core/argmax.ts";
import { createEngine } from "../../engine/create-engine.ts";
import type { SeededExecution } from "../../engine/executor.ts";
import { probeEngine } from "../../engine/probe-engine.ts";
import type { TrainingProgress } from "../../engine/training/run-training.ts";
import { createSampler, type GeneratorTraining, trainGenerator, tuneGenerator } from "../../generator/index.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";
import { createLabeler, trainLabeler } from "../../labeler/index.ts";
import type { CifarImages } from "../cifar-10/read-cifar-10.ts";
import type { Config } from "../run/config.ts";
import { fixedBatchSize } from "./fixed-batch-size.ts";
import type { ModelRuntime } from "./model-runtime.ts";
import { renderSampleGrid } from "./sample-grid.ts";

/**
 * The generator and the labeler of this package.
 * @param options.numThreads - CPU threads, which do not change the bytes of images and probabilities; one per core by
 *   default
 */
export function openShippedRuntime({ numThreads }: { readonly numThreads?: number | undefined } = {}): ModelRuntime {
  const runtime: ModelRuntime = {
    requireDevice: async (config) => probeEngine(await createEngine(config.engine, config)),
    openSampler: (config, weights) => {
      const options = { ...config.sampler, batchSize: fixedBatchSize(config) };
      return createSampler({ ...executionOf(config), numThreads, weights, options });
    },
    openLabeler: (config, weights) => openLabeler(config, weights, numThreads),
    trainingImages: {
      generator: ({ generator }) => wholeBatches(generator),
      tuning: ({ tuning }) => wholeBatches(tuning),
      labeler: ({ labeler, recordsPerFile }) =>
        Math.max(1, Math.round((labeler.epochs * 5 * recordsPerFile) / labeler.batchSize)) * labeler.batchSize,
    },
    train: {
      async generator({ config, initialWeights, tune, finish, train, store, signal, onProgress, ...keep }) {
        const { generator, tuning } = config;
        const { batchSize } = tune ? tuning : generator;
        // The grid shows what tuning is for: one call, with the built-in guidance.
        const isConditional = tune || generator.numClasses > 0;
        const gridSampler = {
          ...config.sampler,
          ...(tune ? ({ name: "consistency", steps: 1, guidance: 1 } as const) : {}),
          ...(isConditional ? {} : { conditional: false, guidance: 1 }),
        };
        const common: GeneratorTraining = {
          ...executionOf(config),
          numThreads,
          data: train,
          store,
          signal,
          onProgress: (progress) => onProgress(inImages(progress, batchSize)),
          onWeights: async (averages, step) => {
            const exponents = tune ? [tuning.averageExponent] : generator.emaExponents;
            for (const [index, weights] of averages.entries()) {
              await keep.saveEma(weights, String(exponents[index]), step);
            }
            const sampler = await runtime.openSampler({ ...config, sampler: gridSampler }, averages[0]!);
            try {
              await keep.saveGrid(await renderSampleGrid(sampler), step);
            } finally {
              await sampler.close();
            }
          },
        };
        const weights =
          tune && initialWeights !== undefined
            ? await tuneGenerator({ ...common, initialWeights, options: tuning })
            : await trainGenerator({ ...common, initialWeights, options: generator, finish });
        return { weights, figures: {} };
      },
      async labeler({ config, train, test, store, signal, onProgress }) {
        const { labeler: options } = config;
        const weights = await trainLabeler({
          ...executionOf(config),
          numThreads,
          data: train,
          options,
          store,
          signal,
          onProgress: (progress) => onProgress(inImages(progress, options.batchSize)),
        });
        const labeler = await openLabeler(config, weights, numThreads);
        try {
          return { weights, figures: { "test accuracy": await accuracyOf(labeler, test) } };
        } finally {
          await labeler.close();
        }
      },
    },
  };
  return runtime;
}

/** The generator and the labeler of this package, with a thread for each core. */
export const shippedRuntime = openShippedRuntime();

function inImages({ step, stepsBefore, loss }: TrainingProgress, batchSize: number) {
  return { images: step * batchSize, imagesBefore: stepsBefore * batchSize, loss };
}

function wholeBatches({ numImages, batchSize }: { readonly numImages: number; readonly batchSize: number }): number {
  return Math.ceil(numImages / batchSize) * batchSize;
}

function executionOf({ seed, engine, device, precision }: Config): SeededExecution {
  return { seed, engine, device, precision };
}

function openLabeler(config: Config, weights: Uint8Array, numThreads: number | undefined): Promise<Labeler> {
  return createLabeler({ ...executionOf(config), numThreads, weights, batchSize: config.labeling.batchSize });
}

/** Fraction of the images whose most probable class is their label. */
async function accuracyOf(labeler: Labeler, { images, labels }: CifarImages): Promise<number> {
  const probabilities = await labeler.label(images);
  let numRight = 0;
  for (const [index, label] of labels.entries()) {
    const row = probabilities.subarray(index * 10, (index + 1) * 10);
    if (argmax(row) === label) numRight++;
  }
  return numRight / labels.length;
}
