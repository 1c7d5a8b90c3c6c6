import { adamw } from "../../engine/training/optimizers.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../engine/training/training-program.ts";
import type { GeneratorNetworkOptions } from "../network-options.ts";
import { readGenerator } from "../read-generator.ts";
import { adversarialLoss, adversarialSpread, discriminatorName, type FrozenClassifier } from "./adversarial-loss.ts";
import type { AdversarialOptions } from "./options.ts";
import { type GeneratorTraining, runDenoiserTraining } from "./run-denoiser-training.ts";
import { trainingResidents } from "./training-batch.ts";
import { tuningSchedule } from "./training-schedule.ts";

export interface TuneAdversariallyOptions extends GeneratorTraining {
  /** The generator to start from, a safetensors file. It should have been tuned to need few calls. */
  readonly initialWeights: Uint8Array;
  readonly options: AdversarialOptions;
  /** The classifier whose features the discriminator sees, and what identifies it, such as a hash of its weights. */
  readonly classifier: { readonly network: FrozenClassifier; readonly id: string };
}

/**
 * Tunes a generator of few calls further, so that a discriminator cannot tell its images from real ones. The key `tuned` of the
 * file's metadata says how: `{"method":"adversarial","steps":2,"sigmaMin":0.8,"sigmaMax":10}`, the options to sample it with;
 * of more than two steps `schedule` and `rho` too.
 * @returns the weights as a safetensors file, float16
 * @throws Cifar5mError `weights/corrupt`, `weights/wrong-architecture`; `config/out-of-range` for impossible noise levels;
 *   `train/config-changed`, `train/diverged`, `interrupted`
 */
export async function tuneAdversarially(tuning: TuneAdversariallyOptions): Promise<Uint8Array> {
  const { options, initialWeights: file, classifier } = tuning;
  const { tensors, network } = readGenerator(file);
  const { stepsPerCheckpoint, ...rest } = options;
  const { steps, sigmaMin, sigmaMax } = options;
  // Between the first and the last, levels depend on how they are spread.
  const tuned = { method: "adversarial", steps, sigmaMin, sigmaMax, ...(steps > 2 ? adversarialSpread : {}) };
  return await runDenoiserTraining(tuning, {
    program: adversarialProgram({
      options,
      network,
      numSamples: tuning.data.labels.length,
      classifier: classifier.network,
      scalesLoss: tuning.precision === "mixed",
    }),
    options,
    emaExponents: [options.averageExponent],
    schedule: () => tuningSchedule(options),
    network,
    initial: { file, tensors },
    isExtra: (name) => name.startsWith(`${discriminatorName}.`),
    identity: { tuned, options: rest, classifier: classifier.id },
    metadata: { tuned: JSON.stringify(tuned) },
  });
}

/** The graph that tunes a generator against a discriminator on a set of `numSamples` images. */
export function adversarialProgram(tuning: {
  readonly options: AdversarialOptions;
  readonly network: GeneratorNetworkOptions;
  readonly numSamples: number;
  readonly classifier: FrozenClassifier;
  readonly scalesLoss?: boolean;
}): TrainingProgram {
  const { options, network, numSamples, classifier, scalesLoss = false } = tuning;
  const { batchSize, weightDecay } = options;
  return buildTrainingProgram({
    scalesLoss,
    residents: trainingResidents(numSamples),
    step: { indices: { dtype: "int64", shape: [batchSize] } },
    // Without momentum: the other network's answer changes with every step.
    optimizer: adamw({ beta1: 0, beta2: 0.99, weightDecay }),
    stepsPerCall: 10,
    loss: (inputs) => adversarialLoss(inputs, { network, options, classifier }),
  });
}
