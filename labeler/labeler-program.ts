import { type RandomStream, randomStreams } from "../core/random.ts";
import { crossEntropy, oneHot } from "../engine/composites/losses.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { add, greater, less, mul, where } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { reshape } from "../engine/ops/reshape.ts";
import type { ParameterSpec, Scope } from "../engine/parameters/parameters.ts";
import { muon } from "../engine/training/muon.ts";
import { type Optimizer, sgd } from "../engine/training/optimizers.ts";
import type { StepInputs } from "../engine/training/trainer.ts";
import type { LossInputs } from "../engine/training/training-definition.ts";
import { buildTrainingProgram, type TrainingProgram } from "../engine/training/training-program.ts";
import { coin, cutout, flipWhere, randomTranslation } from "../networks/augment.ts";
import { alternatingFlips, batchIndices } from "../networks/batch-order.ts";
import { imagesFromBytes } from "../networks/image-input.ts";
import { jpegArtifacts } from "../networks/jpeg.ts";
import { whiteningName } from "../networks/resnet.ts";
import { labelerNetwork, meanPixel } from "./labeler-network.ts";
import type { LabelerTrainingOptions } from "./options.ts";

/** The graph that trains the labeler on a set of `numSamples` images. */
export function labelerProgram(
  options: LabelerTrainingOptions,
  numSamples: number,
  { scalesLoss = false } = {},
): TrainingProgram {
  const { batchSize } = options;
  return buildTrainingProgram({
    scalesLoss,
    residents: {
      images: { dtype: "uint8", shape: [numSamples, 32, 32, 3] },
      labels: { dtype: "int64", shape: [numSamples] },
    },
    step: {
      indices: { dtype: "int64", shape: [batchSize] },
      ...(options.flip === "alternating" ? { flips: { dtype: "float32", shape: [batchSize] } } : {}),
    },
    optimizer: labelerOptimizer(options),
    stepsPerCall: 10,
    loss: ({ scope, residents, step }: LossInputs) => {
      const images = imagesFromBytes(gather(residents["images"]!, step["indices"]!));
      const isFlipped =
        options.flip === "alternating"
          ? greater(step["flips"]!, 0)
          : coin(scope.random("uniform", randomStreams.trainFlip, [batchSize]));
      const shifts = scope.random("uniform", randomStreams.trainCrop, [batchSize, 2]);
      const moved = randomTranslation(flipWhere(images, isFlipped), options.translation, shifts);
      const stored = options.jpeg === 0 ? moved : asJpegs(scope, moved, options.jpeg);
      // An option that is off asks for no random numbers, so that trainings of earlier releases keep theirs.
      const shown = options.cutout === 0 ? stored : withCutout(scope, stored, options.cutout);
      const target = oneHot(gather(residents["labels"]!, step["indices"]!), 10);
      return crossEntropy(labelerNetwork(scope, shown, options), target, options);
    },
  });
}

/** What a step of the program takes: the images, and whether each is mirrored if flips alternate. */
export function labelerBatch(
  { batchSize, flip }: Pick<LabelerTrainingOptions, "batchSize" | "flip">,
  numSamples: number,
  seed: number,
  step: number,
): StepInputs["values"] {
  const indices = batchIndices(seed, numSamples, batchSize, step);
  return flip === "random" ? { indices } : { indices, flips: alternatingFlips(seed, numSamples, indices, step) };
}

function labelerOptimizer({
  optimizer,
  learningRate,
  muonLearningRate,
  muonWeightDecay,
  weightDecay,
}: LabelerTrainingOptions): Optimizer {
  const rest = sgd({ momentum: 0.9, nesterov: true, weightDecay });
  if (optimizer === "sgd") return rest;
  const isHidden = ({ name }: ParameterSpec) => name !== whiteningName && !name.startsWith("head.");
  return muon({ isHidden, learningRateScale: muonLearningRate / learningRate, weightDecay: muonWeightDecay, rest });
}

/** Sets a random square of each image to the mean pixel. */
function withCutout(scope: Scope, images: Tensor, side: number): Tensor {
  const corners = scope.random("uniform", randomStreams.trainCutout, [images.shape[0]!, 2]);
  return cutout(images, side, meanPixel(images.graph), corners);
}

/** Adds JPEG artifacts of a random quality from 40 to 100 to some of the images. */
function asJpegs(scope: Scope, images: Tensor, probability: number): Tensor {
  const batchSize = images.shape[0]!;
  const uniform = (stream: RandomStream) => scope.random("uniform", stream, [batchSize]);
  const isChosen = less(uniform(randomStreams.trainJpeg), probability);
  const quality = add(mul(uniform(randomStreams.trainJpeg), 60), 40);
  return where(reshape(isChosen, [-1, 1, 1, 1]), jpegArtifacts(images, quality), images);
}
