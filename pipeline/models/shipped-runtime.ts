import { createEngine } from "../../engine/create-engine.ts";
import type { SeededExecution } from "../../engine/executor.ts";
import { probeEngine } from "../../engine/probe-engine.ts";
import {
  createSampler,
  type GeneratorTraining,
  readGenerator,
  type Sampler,
  type TuningMethod,
  trainGenerator,
  tuneAdversarially,
  tuneGenerator,
} from "../../generator/index.ts";
import { accuracyOf } from "../../labeler/calibration.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";
import { createLabeler, frozenLabeler, labelerSteps, trainLabeler } from "../../labeler/index.ts";
import { sha256 } from "../../storage/sha256.ts";
import { type Config, tuningSections } from "../run/config.ts";
import { recipes } from "../run/recipes.ts";
import { fixedBatchSize } from "./fixed-batch-size.ts";
import type { ModelRuntime } from "./model-runtime.ts";
import { renderSampleGrid } from "./sample-grid.ts";

/**
 * The generator and the labeler of this package.
 * @param options.numThreads - CPU threads, which do not change the bytes of images and probabilities; one per core by
 *   default
 */
export function openShippedRuntime({ numThreads }: { readonly numThreads?: number | undefined } = {}): ModelRuntime {
  return {
    requireDevice: async (config) => probeEngine(await createEngine(config.engine, config)),
    openSampler: (config, weights) => openSampler(config, weights, numThreads),
    openLabeler: (config, weights) => openLabeler(config, weights, numThreads),
    trainingImages: {
      generator: ({ generator }) => wholeBatches(generator),
      tuning: ({ tuning }) => wholeBatches(tuning),
      adversarial: ({ adversarial }) => wholeBatches(adversarial),
      labeler: ({ labeler, recordsPerFile }) => labelerSteps(labeler, 5 * recordsPerFile) * labeler.batchSize,
    },
    train: {
      async generator({ config, initialWeights, tune, finish, train, store, signal, onProgress, ...keep }) {
        const { generator } = config;
        const common: GeneratorTraining = {
          ...executionOf(config),
          numThreads,
          data: train,
          store,
          signal,
          onProgress,
          onWeights: async (averages, step) => {
            const exponents =
              tune === undefined ? generator.emaExponents : [config[tuningSections[tune.method]].averageExponent];
            for (const [index, weights] of averages.entries()) {
              await keep.saveEma(weights, String(exponents[index]), step);
            }
            // In one thread: threads that come and go keep up to 3 GB of what they have freed.
            const sampler = await openSampler(
              { ...config, sampler: gridSampler(config, averages[0]!, tune?.method) },
              averages[0]!,
              1,
            );
            try {
              await keep.saveGrid(await renderSampleGrid(sampler), step);
            } finally {
              await sampler.close();
            }
          },
        };
        if (tune === undefined || initialWeights === undefined) {
          const weights = await trainGenerator({ ...common, initialWeights, options: generator, finish });
          return { weights, figures: {} };
        }
        const tuning = { ...common, initialWeights };
        if (tune.method === "consistency") {
          return { weights: await tuneGenerator({ ...tuning, options: config.tuning }), figures: {} };
        }
        const classifier = { network: frozenLabeler(tune.labeler), id: sha256(tune.labeler) };
        return {
          weights: await tuneAdversarially({ ...tuning, options: config.adversarial, classifier }),
          figures: {},
        };
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
          onProgress,
        });
        const labeler = await openLabeler(config, weights, numThreads);
        try {
          return { weights, figures: { "test accuracy": accuracyOf(await labeler.label(test.images), test.labels) } };
        } finally {
          await labeler.close();
        }
      },
    },
  };
}

/** The generator and the labeler of this package, with a thread for each core. */
export const shippedRuntime = openShippedRuntime();

/**
 * How the sample grids of a training are sampled. After tuning they show one call, or the calls that were tuned.
 * @param weights - as trained so far
 */
function gridSampler(
  { sampler, adversarial }: Config,
  weights: Uint8Array,
  tune: TuningMethod | undefined,
): Config["sampler"] {
  const { network } = readGenerator(weights);
  const classless = network.numClasses > 0 ? {} : { conditional: false, guidance: 1 };
  if (tune === undefined) return { ...sampler, ...classless };
  // A configuration that says nothing of the sampler has noise levels that tuning hardly sees.
  const suited = sampler.name === "consistency" ? {} : { ...recipes.tuned.sampler, conditional: sampler.conditional };
  const tuned = { ...sampler, ...suited, guidance: 1, ...classless };
  if (tune === "consistency") return { ...tuned, steps: 1 };
  const { steps, sigmaMin, sigmaMax } = adversarial;
  return { ...tuned, steps, sigmaMin, sigmaMax };
}

function wholeBatches({ numImages, batchSize }: { readonly numImages: number; readonly batchSize: number }): number {
  return Math.ceil(numImages / batchSize) * batchSize;
}

function executionOf({ seed, engine, device, precision }: Config): SeededExecution {
  return { seed, engine, device, precision };
}

function openSampler(config: Config, weights: Uint8Array, numThreads: number | undefined): Promise<Sampler> {
  const options = { ...config.sampler, batchSize: fixedBatchSize(config) };
  return createSampler({ ...executionOf(config), numThreads, weights, options });
}

function openLabeler(config: Config, weights: Uint8Array, numThreads: number | undefined): Promise<Labeler> {
  return createLabeler({ ...executionOf(config), numThreads, weights, batchSize: config.labeling.batchSize });
}
