/**
 * Samples, labels and trains with tiny networks on a device, and prints the results as JSON:
 * `node --import tsx tests/engine/onnxruntime/compute-on-device.ts webgpu`
 */

import { fileURLToPath } from "node:url";
import { createEngine } from "../../../engine/create-engine.ts";
import { unflattenParameters } from "../../../engine/parameters/parameters.ts";
import { writeSafetensors } from "../../../engine/parameters/safetensors.ts";
import { Trainer } from "../../../engine/training/trainer.ts";
import { initialState } from "../../../engine/training/training-state.ts";
import { buildExperimentProgram } from "../../../experiments/experiment-program.ts";
import { runOptionsSchema } from "../../../experiments/run-options.ts";
import { createSampler, samplerSchema } from "../../../generator/index.ts";
import { networkOf } from "../../../generator/training/run-denoiser-training.ts";
import { createLabeler } from "../../../labeler/index.ts";
import {
  randomImages,
  type SmallTraining,
  smallGenerator,
  smallGeneratorTraining,
  smallLabeler,
  smallLabelerTraining,
} from "../../support/small-training.ts";

/** What a device computed. Images are bytes; probabilities are [8, 10] flattened. */
export interface DeviceResults {
  readonly images: Readonly<Record<"fast" | "guided" | "noisy", readonly number[]>>;
  readonly probabilities: readonly number[];
  /** Losses of training steps by network. */
  readonly losses: Readonly<Record<string, readonly number[]>>;
}

const numImages = 8;
const numSteps = 2;
/** The networks of the experiments, as small as they go. */
const experimentNetworks = [
  { name: "mlp", width: 16, depth: 2 },
  { name: "mcnn", width: 4 },
  { name: "resnet18k", width: 4 },
  { name: "vgg11", width: 4 },
  { name: "vit", patch: 8, dim: 16, depth: 1, heads: 2, mlp: 32 },
  { name: "densenet", growth: 4, depths: [2, 2, 2] },
] as const;

/** The names of all networks that are trained. */
export const trainedNetworks = ["generator", "labeler", ...experimentNetworks.map(({ name }) => name)];

export async function computeOnDevice(device: string): Promise<DeviceResults> {
  return {
    images: {
      fast: await sample(device, {}),
      guided: await sample(device, { guidance: 3, guidanceMin: 0.5, guidanceMax: 20 }),
      noisy: await sample(device, { name: "ddpm", schedule: "linear-beta" }),
    },
    probabilities: await label(device),
    losses: await lossesOf(device),
  };
}

async function lossesOf(device: string): Promise<Record<string, number[]>> {
  const losses: Record<string, number[]> = {
    generator: await train(device, smallGeneratorTraining()),
    labeler: await train(device, smallLabelerTraining()),
  };
  for (const network of experimentNetworks) losses[network.name] = await train(device, experimentTraining(network));
  return losses;
}

function experimentTraining(network: (typeof experimentNetworks)[number]): SmallTraining {
  const batchSize = 4;
  const { training } = buildExperimentProgram(runOptionsSchema.parse({ network, batchSize }), 10);
  const targets = Float32Array.from({ length: batchSize * 10 }, (_, index) => Number(index % 11 === 0));
  const values = { images: randomImages(batchSize), targets };
  return { program: training, residents: {}, seed: 1, inputsOf: () => ({ learningRate: 0.01, emaDecay: 0, values }) };
}

/** The initial weights of a training as a file. All are moved, because initial zeros would hide a wrong result. */
function weightsOf({ program, seed }: SmallTraining, metadata: Readonly<Record<string, string>>): Uint8Array {
  const { parameters, states } = initialState(program, seed).vectors;
  const moved = parameters!.map((value, index) => value + 0.05 * Math.sin(index));
  const tensors = [
    ...unflattenParameters(program.parameters, moved),
    ...(states === undefined ? [] : unflattenParameters(program.states, states)),
  ];
  return writeSafetensors({ tensors: new Map(tensors), metadata }, "F32");
}

async function sample(device: string, options: object): Promise<number[]> {
  const metadata = { model: "generator", network: JSON.stringify(networkOf(smallGenerator)) };
  const sampler = await createSampler({
    weights: weightsOf(smallGeneratorTraining(), metadata),
    options: samplerSchema.parse({ steps: 4, batchSize: 4, ...options }),
    seed: 3,
    engine: "onnxruntime",
    device,
  });
  const ids = Array.from({ length: numImages }, (_, id) => id);
  return [...(await sampler.sample({ ids, classes: ids }).finally(() => sampler.close()))];
}

async function label(device: string): Promise<number[]> {
  const { widths, padded, activation } = smallLabeler;
  const metadata = { model: "labeler", network: JSON.stringify({ widths, padded, activation }) };
  const weights = weightsOf(smallLabelerTraining(), metadata);
  const labeler = await createLabeler({ weights, batchSize: 4, engine: "onnxruntime", device });
  return [...(await labeler.label(randomImages(numImages)).finally(() => labeler.close()))];
}

/** The loss of each step. The second one shows that the first one moved the weights as it should. */
async function train(device: string, training: SmallTraining): Promise<number[]> {
  const trainer = await Trainer.create({ ...training, engine: await createEngine("onnxruntime", { device }) });
  const steps = Array.from({ length: numSteps }, (_, step) => training.inputsOf(step));
  return [...(await trainer.advance(steps).finally(() => trainer.release()))];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await computeOnDevice(process.argv[2] ?? "cpu");
  process.stdout.write(JSON.stringify(results));
}
