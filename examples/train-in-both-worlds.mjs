/**
 * Trains a small network in both regimes of the Deep Bootstrap framework, stops in the middle and resumes exactly.
 *
 *   npm start && node examples/train-in-both-worlds.mjs runs/quickstart/dataset
 *
 * Without an argument it makes a small set of noise first. The same in PyTorch: python/examples/train.py.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataset } from "cifar5m";
import { buildTrainingProgram, createEngine, crossEntropy, sgd, Trainer } from "cifar5m/engine";
import { buildExperimentNetwork, imagesFromBytes } from "cifar5m/networks";
import { makeNoiseDataset } from "./make-noise-dataset.mjs";

const batchSize = 32;
const numSteps = 12;
const network = { name: "mcnn", width: 4, numClasses: 10, dropout: 0 };

const [, , given] = process.argv;
const scratch = await mkdtemp(join(tmpdir(), "cifar5m-example-"));
const dataset = await openDataset(given ?? (await makeNoiseDataset(join(scratch, "dataset"))));
const engine = await createEngine("onnxruntime", { device: "cpu" });

/** One graph that trains; every step takes a batch as the loader hands it out. */
const program = buildTrainingProgram({
  residents: {},
  step: {
    images: { dtype: "uint8", shape: [batchSize, 32, 32, 3] },
    targets: { dtype: "float32", shape: [batchSize, 10] },
  },
  optimizer: sgd({ momentum: 0.9 }),
  stepsPerCall: 1,
  loss: ({ scope, step }) =>
    crossEntropy(buildExperimentNetwork(scope, imagesFromBytes(step.images), network), step.targets),
});

/** Takes so many steps, from a checkpoint on if there is one. The checkpoint is all that is needed to go on. */
async function train(options, steps, checkpoint) {
  const loader = dataset.loader({ ...options, batchSize, seed: 7, state: checkpoint?.loader });
  const trainer = await Trainer.create({ program, engine, residents: {}, seed: 0, state: checkpoint?.trainer });
  const losses = [];
  for await (const { images, labels } of loader) {
    const targets = Float32Array.from({ length: batchSize * 10 }, (_, i) =>
      Number(labels[Math.floor(i / 10)] === i % 10),
    );
    const values = { images, targets };
    losses.push((await trainer.advance([{ learningRate: 0.05, emaDecay: 0, values }]))[0]);
    if (losses.length === steps) break;
  }
  const end = { trainer: trainer.state, loader: loader.state() };
  await trainer.release();
  return { losses, end };
}

const regimes = {
  // Real World(N = 128, T): the same images in a new order every epoch.
  finite: { regime: "finite", numSamples: 128, epochs: Number.POSITIVE_INFINITY },
  // Ideal World(T): no image twice.
  infinite: { regime: "infinite" },
};
for (const [name, options] of Object.entries(regimes)) {
  const whole = await train(options, numSteps);
  const half = await train(options, numSteps / 2);
  const rest = await train(options, numSteps / 2, half.end);
  const isExact = [...half.losses, ...rest.losses].join() === whole.losses.join();
  console.log(`${name}: loss ${whole.losses[0].toFixed(3)} to ${whole.losses.at(-1).toFixed(3)} in ${numSteps} steps`);
  console.log(`${name}: resumed after ${half.losses.length}, ${isExact ? "the same losses" : "OTHER LOSSES"}`);
  if (!isExact) process.exitCode = 1;
}
dataset.close();
await rm(scratch, { recursive: true });
