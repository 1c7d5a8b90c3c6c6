import { fillBits, randomStreams } from "../../core/random.ts";
import type { Engine } from "../../engine/executor.ts";
import { type TensorData, tensorData } from "../../engine/graph/tensor.ts";
import { type StepInputs, Trainer } from "../../engine/training/trainer.ts";
import type { TrainingProgram } from "../../engine/training/training-program.ts";
import { generatorTrainingSchema } from "../../generator/training/options.ts";
import { generatorProgram } from "../../generator/training/train-generator.ts";
import { labelerBatch, labelerProgram } from "../../labeler/labeler-program.ts";
import { type LabelerTrainingOptions, labelerTrainingSchema } from "../../labeler/options.ts";
import { batchIndices } from "../../networks/batch-order.ts";

/** A training run small enough for plain tfjs. */
export interface SmallTraining {
  readonly program: TrainingProgram;
  readonly residents: Readonly<Record<string, TensorData>>;
  readonly inputsOf: (step: number) => StepInputs;
  readonly seed: number;
}

const numSamples = 16;
const batchSize = 4;
const seed = 5;

/** Images of random bytes, [count, 32, 32, 3]. */
export function randomImages(count: number): Uint8Array {
  const bits = new Uint32Array((count * 3072) / 4);
  fillBits({ seed: 11, stream: randomStreams.augmentation, id: 0 }, bits);
  return new Uint8Array(bits.buffer);
}

/** A denoiser of 8 channels with every kind of layer the real one has. */
export const smallGenerator = generatorTrainingSchema.parse({
  channels: 8,
  multipliers: [1, 2],
  blocks: 1,
  patch: 4,
  attentionResolutions: [4],
  batchSize,
  dropout: 0.1,
  weightDecay: 0.01,
});

export function smallGeneratorTraining(): SmallTraining {
  return {
    program: generatorProgram(smallGenerator, numSamples),
    residents: { images: images(), classes: classes() },
    inputsOf: (step) => inputsOf(step, 2e-3),
    seed,
  };
}

export const smallLabeler = labelerTrainingSchema.parse({ widths: [4, 8], batchSize, activation: "gelu" });

export function smallLabelerTraining(options: Partial<LabelerTrainingOptions> = {}): SmallTraining {
  const all = { ...smallLabeler, ...options };
  return {
    program: labelerProgram(all, numSamples),
    residents: { images: images(), labels: classes() },
    inputsOf: (step) => ({ ...inputsOf(step, 0.05), values: labelerBatch(all, numSamples, seed, step) }),
    seed,
  };
}

/** Trains by several calls of the given numbers of steps. */
export async function train(engine: Engine, training: SmallTraining, calls: readonly number[]) {
  const trainer = await Trainer.create({ ...training, engine });
  const losses: number[] = [];
  for (const count of calls) {
    const first = trainer.state.step;
    losses.push(
      ...(await trainer.advance(Array.from({ length: count }, (_, index) => training.inputsOf(first + index)))),
    );
  }
  await trainer.release();
  return { losses, state: trainer.state };
}

function inputsOf(step: number, learningRate: number): StepInputs {
  const indices = batchIndices(seed, numSamples, batchSize, step);
  return { learningRate: learningRate / (1 + step / 20), emaDecay: 0.9, values: { indices } };
}

function images(): TensorData {
  return { dtype: "uint8", shape: [numSamples, 32, 32, 3], data: randomImages(numSamples) };
}

function classes(): TensorData {
  return tensorData(
    "int64",
    [numSamples],
    Array.from({ length: numSamples }, (_, index) => index % 10),
  );
}
