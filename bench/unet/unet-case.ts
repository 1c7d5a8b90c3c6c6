/** The network that `unet.ts` measures, with the weights and inputs that every contender starts from. */

import { fillNormals, fillUniforms, randomStreams } from "../../core/random.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { sizeOf } from "../../engine/graph/tensor.ts";
import { constantScope, type Weights } from "../../engine/parameters/constant-scope.ts";
import { initialParameters, unflattenParameters } from "../../engine/parameters/parameters.ts";
import { readSafetensors, writeSafetensors } from "../../engine/parameters/safetensors.ts";
import type { TrainingProgram } from "../../engine/training/training-program.ts";
import { generatorTrainingSchema } from "../../generator/index.ts";
import { generatorProgram } from "../../generator/training/train-generator.ts";
import { unet } from "../../networks/unet.ts";

export const numSamples = 512;
export const learningRate = 1e-4;
export const emaDecay = 0.9;
export const seed = 1;

/** How much is done at once; every contender reads it from the case. */
export interface Sizes {
  readonly batchSize: number;
  /** Images of one of our runs of the network; so many runs make a batch, as in sampling. */
  readonly imagesPerRun: number;
  /** Batches of one round, forward. */
  readonly callsPerRound: number;
  /** Steps of one training round. */
  readonly stepsPerRound: number;
}

const sizesOfKind: Readonly<Record<"cpu" | "gpu", Sizes>> = {
  cpu: { batchSize: 16, imagesPerRun: 8, callsPerRound: 4, stepsPerRound: 2 },
  gpu: { batchSize: 256, imagesPerRun: 256, callsPerRound: 16, stepsPerRound: 10 },
};

/** @param device - as `--device` names it */
export function sizesFor(device: string): Sizes {
  return sizesOfKind[device === "cpu" ? "cpu" : "gpu"];
}

function trainingOptions(batchSize: number) {
  return generatorTrainingSchema.parse({
    channels: 64,
    multipliers: [1, 2, 2],
    blocks: 2,
    attentionResolutions: [16],
    patch: 1,
    // What the PyTorch side is written in.
    normalization: "groups",
    optimizer: "adamw",
    emaExponents: [16.97],
    batchSize,
  });
}

/** The training program of `cifar5m train generator` for this network. */
export function benchmarkProgram({ batchSize }: Sizes, { scalesLoss = false } = {}): TrainingProgram {
  return generatorProgram(trainingOptions(batchSize), numSamples, { scalesLoss });
}

/** The network alone, on a part of a batch: inputs `x`, `noise` and `classes`, output `y`. */
export function forwardGraph(weights: Weights, { imagesPerRun }: Sizes): Graph {
  const graph = new Graph();
  const x = graph.input("x", "float32", [imagesPerRun, 3, 32, 32]);
  const noise = graph.input("noise", "float32", [imagesPerRun]);
  const classes = graph.input("classes", "int64", [imagesPerRun]);
  graph.output("y", unet(constantScope(graph, weights), x, noise, classes, trainingOptions(imagesPerRun)));
  return graph;
}

/** Weights without the zeros that training starts from, which would hide most of the network from a comparison. */
function benchmarkWeights(program: TrainingProgram): Float32Array {
  const specs = program.parameters.map((spec) =>
    spec.initializer.kind === "constant" && spec.initializer.value === 0
      ? { ...spec, initializer: { kind: "normal", std: 0.05 } as const }
      : spec,
  );
  return initialParameters(specs, seed);
}

/** What the contenders of both benchmarks need, as one safetensors file. */
export function writeCase(sizes: Sizes): Uint8Array {
  const { batchSize, stepsPerRound } = sizes;
  const program = benchmarkProgram(sizes);
  const tensors = new Map(unflattenParameters(program.parameters, benchmarkWeights(program)));
  const put = (name: string, shape: readonly number[], draw: typeof fillNormals, id: number) => {
    const data = new Float32Array(sizeOf(shape));
    draw({ seed, stream: randomStreams.sampleNoise, id }, data);
    tensors.set(name, { shape, data });
    return data;
  };
  put("input.x", [batchSize, 3, 32, 32], fillNormals, 0);
  put("input.noise", [batchSize], fillNormals, 1);
  tensors.set("input.classes", {
    shape: [batchSize],
    data: Float32Array.from({ length: batchSize }, (_, i) => i % 11),
  });
  const images = put("data.images", [numSamples, 32, 32, 3], fillUniforms, 2);
  images.forEach((value, index) => {
    images[index] = Math.floor(256 * value);
  });
  // The numbers that the trainer itself draws in its first steps.
  for (let step = 0; step < stepsPerRound; step++) {
    program.randoms.forEach(({ name, kind, stream, shape }, index) => {
      const data = new Float32Array(sizeOf(shape));
      (kind === "normal" ? fillNormals : fillUniforms)(
        { seed, stream, id: step * program.randoms.length + index },
        data,
      );
      tensors.set(`step${step}.${name}`, { shape, data });
    });
  }
  const numbers = { ...sizes, numSamples, learningRate, emaDecay };
  const metadata = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
  return writeSafetensors({ tensors, metadata }, "F32");
}

export function readCase(file: Uint8Array): { readonly tensors: Weights; readonly sizes: Sizes } {
  const { tensors, metadata } = readSafetensors(file, "the benchmark's case");
  const sizeOfName = (name: keyof Sizes) => Number(metadata[name]);
  const sizes = {
    batchSize: sizeOfName("batchSize"),
    imagesPerRun: sizeOfName("imagesPerRun"),
    callsPerRound: sizeOfName("callsPerRound"),
    stepsPerRound: sizeOfName("stepsPerRound"),
  };
  return { tensors, sizes };
}

/** Samples of a step: always the next ones. */
export function stepIndices(step: number, batchSize: number): number[] {
  return Array.from({ length: batchSize }, (_, index) => (step * batchSize + index) % numSamples);
}
