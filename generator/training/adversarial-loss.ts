import { Cifar5mError } from "../../core/errors.ts";
import { randomStreams } from "../../core/random.ts";
import { crossEntropy, oneHot } from "../../engine/composites/losses.ts";
import type { Tensor } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { concat } from "../../engine/ops/concat.ts";
import { add, mul, relu, stopGradient, sub } from "../../engine/ops/elementwise.ts";
import { gather } from "../../engine/ops/gather.ts";
import { mean } from "../../engine/ops/reduce.ts";
import { frozenScope, scopeWithScaledRate } from "../../engine/parameters/changed-scopes.ts";
import type { Scope } from "../../engine/parameters/parameters.ts";
import { shareScope } from "../../engine/parameters/share-scope.ts";
import type { LossInputs } from "../../engine/training/training-definition.ts";
import { coin, flipWhere, randomTranslation } from "../../networks/augment.ts";
import { discriminator } from "../../networks/discriminator.ts";
import { patchesToChannels } from "../../networks/patches.ts";
import { withOnes } from "../../networks/unit-layers.ts";
import { type Denoiser, networkDenoiser } from "../denoiser.ts";
import type { GeneratorNetworkOptions } from "../network-options.ts";
import { noiseLevels } from "../sampling/noise-levels.ts";
import { samplerSchema } from "../sampling/options.ts";
import type { AdversarialOptions } from "./options.ts";
import { imageBatch } from "./training-batch.ts";

/**
 * A trained classifier as a part of a graph: images, [N, 3, 32, 32] with numbers in [-1, 1], to feature maps from fine to
 * coarse, [N, C, H, W] each, and logits, [N, number of classes].
 */
export type FrozenClassifier = (images: Tensor) => { readonly maps: readonly Tensor[]; readonly logits: Tensor };

/** Standard deviation of the noise of the R1 penalty; pixels lie in [-1, 1]. */
const r1Noise = 0.05;

/** Label smoothing of the class loss, that of the labeler's own training. Images need not be extreme to be right. */
const labelSmoothing = 0.1;

/** The prefix of the names of the discriminator's parameters. The others are the generator's. */
export const discriminatorName = "discriminator";

/**
 * Trains a generator on the images that its sampler makes, and a discriminator that tells them from real ones. The
 * sampler's calls are made as in sampling: the first from noise, each other from the result of the call before it plus
 * fresh noise. The result of every call is judged. Both networks are trained in the same step: no gradient of the
 * generator's loss reaches the discriminator, and no gradient of the discriminator's loss reaches the generator.
 *
 * The discriminator's loss is the hinge loss and an approximated R1 penalty: the square of its change when a little noise
 * is added to a real image. The generator's is the negative logit, and the cross-entropy by which a frozen classifier
 * recognizes the class that was asked for.
 * @param classifier - the discriminator sees its feature maps beside the pixels
 * @returns a scalar with the gradients of both losses, which are means over calls, maps and pixels. Its value is the
 *   discriminator's loss: 2 if it knows nothing, 0 if it is always right and does not change
 * @see Sauer et al. 2023, arXiv:2311.17042; Lim and Ye 2017, arXiv:1705.02894 (hinge loss); Lin et al. 2025,
 *   arXiv:2501.08316, section 3.3 (approximated R1)
 */
export function adversarialLoss(
  inputs: LossInputs,
  {
    network,
    options,
    classifier,
  }: {
    readonly network: GeneratorNetworkOptions;
    readonly options: AdversarialOptions;
    readonly classifier: FrozenClassifier;
  },
): Tensor {
  const { scope } = inputs;
  const { clean, classes: known } = imageBatch(inputs);
  const classes = network.numClasses === 0 ? undefined : known;
  const denoiser = networkDenoiser(shareScope(scope), { ...network, dropout: options.dropout });
  const images = imagesOfCalls(scope, denoiser, adversarialLevels(options), { shape: clean.shape, classes });
  const recognized = (shownImages: Tensor) => {
    const { maps, logits } = classifier(shownImages);
    return { maps: [patchesOf(shownImages), ...maps], logits };
  };
  const fake = recognized(shown(scope, concat(images, 0), options));
  const fakeClasses = classes && repeated(classes, images.length);
  const real = shown(scope, clean, options);

  const nextScope = shareScope(scopeWithScaledRate(scope.child(discriminatorName), options.discriminatorRate));
  const judge = (judging: Scope, maps: readonly Tensor[], of: Tensor | undefined) =>
    discriminator(judging, maps, of, { channels: options.discriminatorChannels, numClasses: network.numClasses });
  const onReal = judge(nextScope(), recognized(real).maps, classes);
  const onFake = judge(nextScope(), fake.maps.map(stopGradient), fakeClasses);
  const forGenerator = judge(frozenScope(nextScope()), fake.maps, fakeClasses);
  const losses = onReal.map((logits, map) => add(mean(relu(sub(1, logits))), mean(relu(add(onFake[map]!, 1)))));
  const realism = meanOf(forGenerator.map((logits) => mul(mean(logits), -1)));
  const judgeReal = (images: Tensor) => judge(nextScope(), recognized(images).maps, classes);
  const hinge = meanOf(losses);
  const penalty = options.r1Weight === 0 ? 0 : mul(r1Penalty(scope, real, onReal, judgeReal), options.r1Weight);
  return add(add(hinge, penalty), withoutValue(add(realism, classLoss(fake.logits, fakeClasses, options))));
}

/**
 * The approximated R1 penalty: the mean square of the change of logits when a little noise is added to real images.
 * @param real - [N, 3, 32, 32]
 * @param onReal - what `judge` says of them, one tensor of logits per feature map
 */
function r1Penalty(
  scope: Scope,
  real: Tensor,
  onReal: readonly Tensor[],
  judge: (images: Tensor) => readonly Tensor[],
): Tensor {
  const noise = scope.random("normal", randomStreams.trainNoise, real.shape);
  const changes = judge(add(real, mul(noise, r1Noise))).map((logits, map) => sub(logits, onReal[map]!));
  return meanOf(changes.map((change) => mean(mul(change, change))));
}

/** How well a classifier recognizes the classes that images were asked to show. */
function classLoss(logits: Tensor, classes: Tensor | undefined, { classWeight }: AdversarialOptions): Tensor | number {
  if (classes === undefined || classWeight === 0) return 0;
  return mul(crossEntropy(logits, oneHot(classes, logits.shape[1]!), { labelSmoothing }), classWeight);
}

/** Zero, with the gradient of a loss. */
function withoutValue(loss: Tensor): Tensor {
  return sub(loss, stopGradient(loss));
}

/**
 * The pixels of patches of 2×2 as channels, and a channel of ones, [N, 13, 16, 16]. The discriminator needs them because
 * the features of a classifier say little of fine textures.
 */
function patchesOf(images: Tensor): Tensor {
  return withOnes(patchesToChannels(images, 2));
}

/** The images after each call of the sampler. No gradient flows from one call to the call before it. */
function imagesOfCalls(
  scope: Scope,
  denoiser: Denoiser,
  levels: readonly number[],
  { shape, classes }: { readonly shape: readonly number[]; readonly classes: Tensor | undefined },
): Tensor[] {
  const images: Tensor[] = [];
  for (const level of levels) {
    const before = images.at(-1);
    const noise = mul(scope.random("normal", randomStreams.stepNoise, shape), level);
    const noisy = before === undefined ? noise : add(stopGradient(before), noise);
    images.push(denoiser(noisy, constantVector(noise, level), classes));
  }
  return images;
}

/** An int64 vector several times over. GPUs can gather such numbers, but not concatenate them. */
function repeated(classes: Tensor, times: number): Tensor {
  const count = classes.shape[0]!;
  const indices = Array.from({ length: times * count }, (_, index) => index % count);
  return gather(classes, classes.graph.constant(tensorData("int64", [indices.length], indices)));
}

function meanOf(terms: readonly Tensor[]): Tensor {
  return mul(
    terms.reduce((total, term) => add(total, term)),
    1 / terms.length,
  );
}

const { schedule, rho } = samplerSchema.parse({});
/** How the noise levels are spread: as the sampler's are by default. */
export const adversarialSpread = { schedule, rho } as const;

/**
 * The noise levels of the calls that a generator is tuned for: those of the sampler for the same options, with its default
 * schedule and rho.
 * @throws Cifar5mError `config/out-of-range` unless sigmaMin is below sigmaMax
 */
export function adversarialLevels({ steps, sigmaMin, sigmaMax }: AdversarialOptions): readonly number[] {
  if (sigmaMin >= sigmaMax) {
    throw new Cifar5mError(
      "config/out-of-range",
      `adversarial.sigmaMin must be less than sigmaMax = ${sigmaMax}, got ${sigmaMin}. Use 0.8 and 10.`,
    );
  }
  return [...noiseLevels({ steps, sigmaMin, sigmaMax, ...adversarialSpread })].slice(0, -1);
}

/** Images as the discriminator sees them: some mirrored, all shifted, so that the discriminator cannot remember the real ones. */
function shown(scope: Scope, images: Tensor, { translation }: AdversarialOptions): Tensor {
  const numImages = images.shape[0]!;
  const flips = scope.random("uniform", randomStreams.trainFlip, [numImages]);
  const shifts = scope.random("uniform", randomStreams.trainCrop, [numImages, 2]);
  const mirrored = flipWhere(images, coin(flips));
  return translation === 0 ? mirrored : randomTranslation(mirrored, translation, shifts);
}

function constantVector(like: Tensor, value: number): Tensor {
  const count = like.shape[0]!;
  return like.graph.constant(tensorData("float32", [count], new Array<number>(count).fill(value)));
}
