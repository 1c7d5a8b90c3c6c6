import { readFileSync } from "node:fs";
import type { Engine } from "../../../../engine/executor.ts";
import type { Graph } from "../../../../engine/graph/graph.ts";
import { sizeOf } from "../../../../engine/graph/tensor.ts";
import type { Weights } from "../../../../engine/parameters/constant-scope.ts";
import type { TrainingProgram } from "../../../../engine/training/training-program.ts";
import { buildExperimentProgram } from "../../../../experiments/experiment-program.ts";
import { runOptionsSchema } from "../../../../experiments/run-options.ts";
import { type Denoiser, trainedDenoiser } from "../../../../generator/denoiser.ts";
import { readGenerator } from "../../../../generator/read-generator.ts";
import { createDenoiserSampler } from "../../../../generator/sampling/denoiser-sampler.ts";
import { samplerSchema } from "../../../../generator/sampling/options.ts";
import { samplerNames } from "../../../../generator/sampling/plan-trajectory.ts";
import { adversarialSchema, generatorTrainingSchema, tuningSchema } from "../../../../generator/training/options.ts";
import { generatorProgram } from "../../../../generator/training/train-generator.ts";
import { adversarialProgram } from "../../../../generator/training/tune-adversarially.ts";
import { tuningProgram } from "../../../../generator/training/tune-generator.ts";
import { trainedLabelerGraph } from "../../../../labeler/create-labeler.ts";
import { frozenLabeler } from "../../../../labeler/frozen-labeler.ts";
import { labelerProgram } from "../../../../labeler/labeler-program.ts";
import { labelerTrainingSchema } from "../../../../labeler/options.ts";
import { experimentNetworks, experimentPresets } from "../../../../networks/experiment-networks.ts";
import { shippedModels } from "../../../../pipeline/run/shipped-files.ts";

/** A graph that a device may get, before it is rewritten for the device. */
export interface GpuGraph {
  readonly name: string;
  readonly graph: Graph;
}

const numSamples = 100;
const tiny = { channels: 8, multipliers: [1, 2], blocks: 1, patch: 4, attentionResolutions: [4] } as const;
const deep = { channels: 32, multipliers: [1, 2, 2, 2], blocks: 3, patch: 1, attentionResolutions: [16, 8] } as const;
const wide = { channels: 256, multipliers: [1, 2, 2], blocks: 3, attentionResolutions: [16, 8] } as const;

/**
 * The graphs of sampling, labeling, training and experiments: the shipped architectures, larger ones, and every option
 * that changes the operators of a graph.
 * @param scalesLoss - whether trainings scale their loss, as those of mixed precision do
 */
export async function* gpuGraphs(scalesLoss: boolean): AsyncGenerator<GpuGraph> {
  yield* generatorTrainings(scalesLoss);
  yield* labelerTrainings(scalesLoss);
  yield* experiments(scalesLoss);
  yield* samplers();
  for (const path of shippedModels("labeler")) {
    yield { name: `label ${path.split("/").at(-1)}`, graph: trainedLabelerGraph(readFileSync(path), 100).graph };
  }
}

function* generatorTrainings(scalesLoss: boolean): Generator<GpuGraph> {
  const shipped = readGenerator(readFileSync(shippedModels("generator")[0]!)).network;
  const ways = [
    { normalization: "groups", optimizer: "muon" },
    { normalization: "magnitudes", optimizer: "adamw" },
    { normalization: "magnitudes", optimizer: "muon" },
    { normalization: "groups", optimizer: "adamw" },
  ];
  for (const [index, network] of [shipped, wide, deep, tiny].entries()) {
    for (const way of index % 2 === 0 ? ways.slice(0, 2) : ways.slice(2)) {
      const options = generatorTrainingSchema.parse({ ...network, ...way, dropout: 0.1 });
      const name = `train generator ${JSON.stringify({ ...network, ...way })}`;
      yield { name, graph: nchw(generatorProgram(options, numSamples, { scalesLoss })) };
    }
  }
  const unconditional = generatorTrainingSchema.parse({ ...tiny, numClasses: 0, weightDecay: 0.01 });
  yield { name: "train generator without classes", graph: nchw(generatorProgram(unconditional, numSamples)) };
  for (const guidance of [0, 1, 3]) {
    const options = tuningSchema.parse({ guidance, dropout: 0.1, weightDecay: 0.01 });
    const network = generatorTrainingSchema.parse(tiny);
    const program = tuningProgram({ options, network, numSamples, weights: zeroWeights(tiny), scalesLoss });
    yield { name: `tune generator with guidance ${guidance}`, graph: nchw(program) };
  }
  for (const path of shippedModels("labeler")) {
    const options = adversarialSchema.parse({ dropout: 0.1, weightDecay: 0.01 });
    const [network, classifier] = [generatorTrainingSchema.parse(tiny), frozenLabeler(readFileSync(path))];
    const program = adversarialProgram({ options, network, numSamples, classifier, scalesLoss });
    yield { name: `tune generator against a discriminator on ${path.split("/").at(-1)}`, graph: nchw(program) };
  }
}

function* labelerTrainings(scalesLoss: boolean): Generator<GpuGraph> {
  for (const widths of [
    [64, 128, 256],
    [128, 256, 512, 1024],
  ]) {
    for (const activation of ["relu", "silu", "gelu"] as const) {
      for (const optimizer of ["muon", "sgd"] as const) {
        const options = labelerTrainingSchema.parse({
          ...{ widths, activation, optimizer, padded: optimizer === "muon" },
          ...(activation === "relu" ? { cutout: 8, flip: "alternating" } : {}),
        });
        const name = `train labeler ${JSON.stringify({ widths, activation, optimizer })}`;
        yield { name, graph: nchw(labelerProgram(options, numSamples, { scalesLoss })) };
      }
    }
  }
}

function* experiments(scalesLoss: boolean): Generator<GpuGraph> {
  const networks = [...Object.keys(experimentPresets), ...Object.keys(experimentNetworks).map((name) => ({ name }))];
  const variants = [
    { optimizer: { name: "sgd", momentum: 0.9, nesterov: true, weightDecay: 1e-3 } },
    { optimizer: { name: "adam", weightDecay: 1e-3 }, augmentation: "cutout" },
    { optimizer: { name: "adamw" }, loss: "mse", clipNorm: 1, augmentation: "mixup" },
  ];
  for (const [index, network] of networks.entries()) {
    const variant = variants[index % variants.length]!;
    const { training, evaluation } = buildExperimentProgram(runOptionsSchema.parse({ network, ...variant }), 10, {
      scalesLoss,
    });
    const name = JSON.stringify({ network, ...variant });
    yield { name: `experiment ${name}`, graph: nchw(training) };
    yield { name: `evaluation of experiment ${name}`, graph: evaluation };
  }
}

async function* samplers(): AsyncGenerator<GpuGraph> {
  for (const path of shippedModels("generator")) {
    const { tensors, network } = readGenerator(readFileSync(path));
    const name = `sample ${path.split("/").at(-1)}`;
    yield { name, graph: await samplerGraph(trainedDenoiser(tensors, network), {}) };
  }
  for (const network of [deep, { ...deep, normalization: "groups" }] as const) {
    yield { name: `sample ${JSON.stringify(network)}`, graph: await samplerGraph(denoiserOfZeros(network), {}) };
  }
  const ways = [
    { guidance: 1, conditional: false },
    { guide: "weaker", guidance: 3 },
    { guide: "weaker", guidance: 3, guidanceMin: 1, guidanceMax: 5 },
  ];
  for (const name of samplerNames) {
    for (const way of ways) {
      const options = { name, steps: 6, churn: name === "heun" ? 1 : 0, ...way };
      yield {
        name: `sample ${JSON.stringify(options)}`,
        graph: await samplerGraph(denoiserOfZeros(tiny), options),
      };
    }
  }
}

function denoiserOfZeros(network: object): Denoiser {
  return trainedDenoiser(zeroWeights(network), generatorTrainingSchema.parse(network));
}

function zeroWeights(network: object): Weights {
  const { parameters } = generatorProgram(generatorTrainingSchema.parse(network), numSamples);
  return new Map(parameters.map(({ name, shape }) => [name, { shape, data: new Float32Array(sizeOf(shape)) }]));
}

/** The graph of a sampler. The engine that takes it runs nothing. */
async function samplerGraph(denoiser: Denoiser, options: object): Promise<Graph> {
  let taken: Graph | undefined;
  const engine: Engine = {
    name: "onnxruntime",
    device: "none",
    trainingLayout: "NCHW",
    roundsProducts: true,
    compile: async (graph) => {
      taken = graph;
      return { concurrency: 1, run: async () => ({}), release: async () => {} };
    },
  };
  const sampler = samplerSchema.parse({ batchSize: 4, ...options });
  await createDenoiserSampler({ denoiser, weaker: denoiser, numClasses: 10, options: sampler, seed: 0, engine });
  return taken!;
}

function nchw(program: TrainingProgram): Graph {
  return program.graph("NCHW", true);
}
