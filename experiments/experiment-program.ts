import { crossEntropy } from "../engine/composites/losses.ts";
import type { Graph, Tensor } from "../engine/graph/graph.ts";
import { mul, sub } from "../engine/ops/elementwise.ts";
import { mean } from "../engine/ops/reduce.ts";
import { buildEvaluationProgram } from "../engine/training/evaluation-program.ts";
import { adam, adamw, type Optimizer, sgd } from "../engine/training/optimizers.ts";
import { buildTrainingProgram, type TrainingProgram } from "../engine/training/training-program.ts";
import { buildExperimentNetwork, imagesFromBytes } from "../networks/index.ts";
import type { OptimizerOptions, RunOptions } from "./run-options.ts";
import { servesBytes } from "./worlds.ts";

/** Number of steps that one call of the engine does at most. */
const stepsPerCall = 10;
/** Number of images that are evaluated at once. */
export const evaluationBatchSize = 250;

/** The graphs of a run. */
export interface ExperimentProgram {
  /** Each step takes `images` and `targets` (probabilities, [B, K]). */
  readonly training: TrainingProgram;
  /** Takes `images`, uint8 [`evaluationBatchSize`, 32, 32, 3]; returns logits. */
  readonly evaluation: Graph;
}

/**
 * Builds the graphs of a run: training steps with its network, loss and optimizer, and the evaluation of its network.
 * @param numClasses - number of classes, K
 * @param scalesLoss - whether gradients are of a multiple of the loss, for mixed precision
 */
export function buildExperimentProgram(
  options: RunOptions,
  numClasses: number,
  { scalesLoss = false } = {},
): ExperimentProgram {
  const { batchSize, clipNorm } = options;
  const isBytes = servesBytes(options);
  const network = { ...options.network, numClasses };
  const training = buildTrainingProgram({
    scalesLoss,
    numEmas: 0,
    residents: {},
    step: {
      images: isBytes
        ? { dtype: "uint8", shape: [batchSize, 32, 32, 3] }
        : { dtype: "float32", shape: [batchSize, 3, 32, 32] },
      targets: { dtype: "float32", shape: [batchSize, numClasses] },
    },
    optimizer: optimizerOf(options.optimizer),
    stepsPerCall,
    ...(clipNorm === undefined ? {} : { clipNorm }),
    loss: ({ scope, step }) => {
      const images = isBytes ? imagesFromBytes(step["images"]!) : step["images"]!;
      const logits = buildExperimentNetwork(scope, images, network);
      return lossOf(logits, step["targets"]!, options.loss);
    },
  });
  const evaluation = buildEvaluationProgram(
    training,
    { images: { dtype: "uint8", shape: [evaluationBatchSize, 32, 32, 3] } },
    (scope, { images }) => buildExperimentNetwork(scope, imagesFromBytes(images!), network),
  );
  return { training, evaluation };
}

function lossOf(logits: Tensor, targets: Tensor, loss: RunOptions["loss"]): Tensor {
  if (loss === "cross-entropy") return crossEntropy(logits, targets);
  const difference = sub(logits, targets);
  const numClasses = logits.shape[1]!;
  return mul(mean(mul(difference, difference)), numClasses);
}

function optimizerOf(options: OptimizerOptions): Optimizer {
  if (options.name === "sgd") return sgd(options);
  return options.name === "adam" ? adam(options) : adamw(options);
}
