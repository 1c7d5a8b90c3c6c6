/** The networks that `networks.ts` measures, with the weights and images that every contender starts from. */

import { fillUniforms, randomStreams } from "../../core/random.ts";
import { crossEntropy, oneHot } from "../../engine/composites/losses.ts";
import { gather } from "../../engine/ops/gather.ts";
import type { Weights } from "../../engine/parameters/constant-scope.ts";
import { unflattenParameters } from "../../engine/parameters/parameters.ts";
import { writeSafetensors } from "../../engine/parameters/safetensors.ts";
import { sgd } from "../../engine/training/optimizers.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../engine/training/training-program.ts";
import { initialState } from "../../engine/training/training-state.ts";
import {
  buildExperimentNetwork,
  type ExperimentNetworkOptions,
  experimentNetworkSchema,
} from "../../networks/experiment-networks.ts";
import { imagesFromBytes } from "../../networks/image-input.ts";

export const batchSize = 128;
export const numSamples = 512;
/** Steps of one round. */
export const stepsPerRound = 2;
export const seed = 1;
export const learningRate = 0.02;
const momentum = 0.9;

/** One training step of an experiment network: loss, backward, SGD with momentum. */
export function benchmarkProgram(options: ExperimentNetworkOptions): TrainingProgram {
  return buildTrainingProgram({
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3] },
      labels: { dtype: "int64", shape: [numSamples] },
    },
    step: { indices: { dtype: "int64", shape: [batchSize] } },
    optimizer: sgd({ momentum }),
    stepsPerCall: stepsPerRound,
    loss: ({ scope, residents, step }) => {
      const images = imagesFromBytes(gather(residents["images"]!, step["indices"]!));
      const target = oneHot(gather(residents["labels"]!, step["indices"]!), options.numClasses);
      return crossEntropy(buildExperimentNetwork(scope, images, options), target);
    },
  });
}

/** What all contenders of a network need, as one safetensors file. */
export function writeCase(network: string): Uint8Array {
  const options = experimentNetworkSchema.parse(network);
  const program = benchmarkProgram(options);
  const { vectors } = initialState(program, seed);
  const images = new Float32Array(numSamples * 3072);
  fillUniforms({ seed, stream: randomStreams.sampleNoise, id: 0 }, images);
  const tensors: Weights = new Map([
    ...unflattenParameters(program.parameters, vectors["parameters"]!),
    ...unflattenParameters(program.states, vectors["states"] ?? new Float32Array()),
    ["data.images", { shape: [numSamples, 32, 32, 3], data: images.map((value) => Math.floor(256 * value)) }],
  ]);
  const metadata = {
    network: JSON.stringify(options),
    training: JSON.stringify({ learningRate, momentum, batchSize, numSamples, stepsPerRound }),
  };
  return writeSafetensors({ tensors, metadata }, "F32");
}
