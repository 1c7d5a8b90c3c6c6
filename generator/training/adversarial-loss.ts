import { Cifar5mError } from "../../core/errors.ts";
import { randomStreams } from "../../core/random.ts";
import type { Tensor } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { concat } from "../../engine/ops/concat.ts";
import { add, mul, relu, stopGradient, sub } from "../../engine/ops/elementwise.ts";
import { gather } from "../../engine/ops/gather.ts";
import { mean } from "../../engine/ops/reduce.ts";
import { frozenScope, scopeWithRate } from "../../engine/parameters/changed-scopes.ts";
import type { Scope } from "../../engine/parameters/parameters.ts";
import { shareScope } from "../../engine/parameters/share-scope.ts";
import type { LossInputs } from "../../engine/training/training-definition.ts";
import { coin, flipWhere, randomTranslation } from "../../networks/augment.ts";
import { critic } from "../../networks/critic.ts";
import { patchesToChannels } from "../../networks/patches.ts";
import { withOnes } from "../../networks/unit-layers.ts";
import { type Denoiser, networkDenoiser } from "../denoiser.ts";
import type { GeneratorNetworkOptions } from "../network-options.ts";
import { noiseLevels } from "../sampling/noise-levels.ts";
import { samplerSchema } from "../sampling/options.ts";
import type { AdversarialOptions } from "./options.ts";
import { trainingBatch } from "./training-batch.ts";

/** Features of images at several scales: [N, 3, 32, 32] with numbers in [-1, 1] to maps [N, C, H, W]. */
export type FeatureMaps = (images: Tensor) => readonly Tensor[];

/** Noise in real images that should not change the critic's mind, standard deviation; pixels lie in [-1, 1]. */
const smallNoise = 0.05;

/** The prefix of the names of the critic's parameters. The others are the generator's. */
export const criticName = "critic";

/**
 * Trains a generator on the images that its sampler makes, and a critic that tells them from real ones. The sampler's calls
 * are made as in sampling: the first from noise, each other from the result of the call before it plus fresh noise. The
 * critic judges the result of every call. Generator and critic are trained in the same step: no gradient of the
 * generator's loss reaches the critic, and no gradient of the critic's loss reaches the generator. The critic is kept
 * smooth: it should say the same of a real image with a little noise.
 * @param features - features of a frozen network, which the critic judges beside the pixels
 * @returns a scalar with the gradients of both losses, which are means over calls, maps and pixels. Its value is the critic's
 *   loss: 2 if the critic knows nothing, 0 if it is always right and smooth
 * @see Sauer et al. 2023, arXiv:2311.17042; Lim and Ye 2017, arXiv:1705.02894 (hinge loss); Lin et al. 2025,
 *   arXiv:2501.08316, section 3.3 (smoothness)
 */
export function adversarialLoss(
  inputs: LossInputs,
  {
    network,
    options,
    features,
  }: {
    readonly network: GeneratorNetworkOptions;
    readonly options: AdversarialOptions;
    readonly features: FeatureMaps;
  },
): Tensor {
  const { scope } = inputs;
  const { clean, noise, classes: known } = trainingBatch(inputs, { mean: 0, std: 1 });
  const classes = network.numClasses === 0 ? undefined : known;
  const denoiser = networkDenoiser(shareScope(scope), { ...network, dropout: options.dropout });
  const images = imagesOfCalls(scope, denoiser, adversarialLevels(options), { noise, classes });
  const mapsOf = (shownImages: Tensor) => [patchesOf(shownImages), ...features(shownImages)];
  const fake = mapsOf(shown(scope, concat(images, 0), options));
  const fakeClasses = classes && repeated(classes, images.length);
  const real = shown(scope, clean, options);

  const nextScope = shareScope(scopeWithRate(scope.child(criticName), options.criticRate));
  const judge = (maps: readonly Tensor[], of: Tensor | undefined, judging = nextScope()) =>
    critic(judging, maps, of, { channels: options.criticChannels, numClasses: network.numClasses });
  const onReal = judge(mapsOf(real), classes);
  const onFake = judge(fake.map(stopGradient), fakeClasses);
  const forGenerator = judge(fake, fakeClasses, frozenScope(nextScope()));
  const { smoothness } = options;
  const onNoisy = smoothness === 0 ? onReal : judge(mapsOf(add(real, mul(noise, smallNoise))), classes);
  return meanOf(
    onReal.map((logits, map) => {
      const hinge = add(mean(relu(sub(1, logits))), mean(relu(add(onFake[map]!, 1))));
      const change = sub(onNoisy[map]!, logits);
      const criticLoss = smoothness === 0 ? hinge : add(hinge, mul(mean(mul(change, change)), smoothness));
      const generatorLoss = mul(mean(forGenerator[map]!), -1);
      return add(criticLoss, sub(generatorLoss, stopGradient(generatorLoss)));
    }),
  );
}

/**
 * The pixels of patches of 2×2 as channels, and a channel of ones, [N, 13, 16, 16]. The critic needs them because the
 * features of a classifier say little of fine textures.
 */
function patchesOf(images: Tensor): Tensor {
  return withOnes(patchesToChannels(images, 2));
}

/** The images after each call of the sampler. No gradient flows from one call to the call before it. */
function imagesOfCalls(
  scope: Scope,
  denoiser: Denoiser,
  levels: readonly number[],
  { noise, classes }: { readonly noise: Tensor; readonly classes: Tensor | undefined },
): Tensor[] {
  const images: Tensor[] = [];
  for (const level of levels) {
    const before = images.at(-1);
    const noisy =
      before === undefined
        ? mul(noise, level)
        : add(stopGradient(before), mul(scope.random("normal", randomStreams.stepNoise, noise.shape), level));
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

/**
 * The noise levels of the calls that a generator is tuned for: those of the sampler for the same options.
 * @throws Cifar5mError `config/out-of-range` unless sigmaMin is below sigmaMax
 */
export function adversarialLevels({ steps, sigmaMin, sigmaMax }: AdversarialOptions): readonly number[] {
  if (sigmaMin >= sigmaMax) {
    throw new Cifar5mError(
      "config/out-of-range",
      `adversarial.sigmaMin must be less than sigmaMax = ${sigmaMax}, got ${sigmaMin}. Use 0.8 and 10.`,
    );
  }
  const { rho, schedule } = samplerSchema.parse({});
  return [...noiseLevels({ steps, sigmaMin, sigmaMax, rho, schedule })].slice(0, -1);
}

/** Images as the critic sees them: some mirrored, all shifted, so that the critic cannot remember the real ones. */
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
