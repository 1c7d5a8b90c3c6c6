import { add, createEngine, Graph } from "../engine/index.ts";
import { createSampler, trainGenerator } from "../generator/index.ts";
import { createLabeler, trainLabeler } from "../labeler/index.ts";
import type { Config } from "./config.ts";
import { fixedBatchSize } from "./fixed-batch-size.ts";
import type { Labeler, ModelRuntime } from "./model-runtime.ts";
import type { CifarImages } from "./read-cifar-10.ts";
import { drawSampleGrid } from "./sample-grid.ts";

/** The generator and the labeller of this package. */
export const shippedRuntime: ModelRuntime = {
  requireDevice: async ({ engine, device }) => {
    const graph = new Graph();
    graph.output("y", add(graph.input("x", "float32", [1]), 1));
    await (await (await createEngine(engine, { device })).compile(graph)).release();
  },
  openSampler: (config, weights) => {
    const { seed, engine, device, sampler } = config;
    return createSampler({ weights, options: { ...sampler, batchSize: fixedBatchSize(config) }, seed, engine, device });
  },
  openLabeler,
  trainingImages: {
    generator: ({ generator }) => Math.ceil(generator.numImages / generator.batchSize) * generator.batchSize,
    labeler: ({ labeler, recordsPerFile }) =>
      Math.max(1, Math.round((labeler.epochs * 5 * recordsPerFile) / labeler.batchSize)) * labeler.batchSize,
  },
  train: {
    async generator({ config, initialWeights, train, store, signal, onProgress, saveGrid }) {
      const { seed, engine, device, generator: options } = config;
      const weights = await trainGenerator({
        initialWeights,
        data: train,
        options,
        seed,
        engine,
        device,
        store,
        signal,
        onProgress: ({ step, loss }) => onProgress({ images: step * options.batchSize, loss }),
        onWeights: async (current, step) => {
          const sampler = await shippedRuntime.openSampler(config, current);
          try {
            await saveGrid(await drawSampleGrid(sampler), step);
          } finally {
            await sampler.close();
          }
        },
      });
      return { weights, figures: {} };
    },
    async labeler({ config, train, test, store, signal, onProgress }) {
      const { seed, engine, device, labeler: options } = config;
      const weights = await trainLabeler({
        data: train,
        options,
        seed,
        engine,
        device,
        store,
        signal,
        onProgress: ({ step, loss }) => onProgress({ images: step * options.batchSize, loss }),
      });
      const labeler = await openLabeler(config, weights);
      try {
        return { weights, figures: { "test accuracy": await accuracyOf(labeler, test) } };
      } finally {
        await labeler.close();
      }
    },
  },
};

function openLabeler({ labeling, engine, device }: Config, weights: Uint8Array): Promise<Labeler> {
  return createLabeler({ weights, batchSize: labeling.batchSize, engine, device });
}

/** Part of the images whose most probable class is their label. */
async function accuracyOf(labeler: Labeler, { images, labels }: CifarImages): Promise<number> {
  const probabilities = await labeler.label(images);
  let numRight = 0;
  for (const [index, label] of labels.entries()) {
    const row = probabilities.subarray(index * 10, (index + 1) * 10);
    if (row[label] === Math.max(...row)) numRight++;
  }
  return numRight / labels.length;
}
