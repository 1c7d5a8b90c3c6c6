import { randomStreams } from "../../core/random.ts";
import type { Tensor } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { concat } from "../../engine/ops/concat.ts";
import { add, mul, relu, stopGradient, sub } from "../../engine/ops/elementwise.ts";
import { mean } from "../../engine/ops/reduce.ts";
import { frozenScope, scopeWithRate } from "../../engine/parameters/changed-scopes.ts";
import type { Scope } from "../../engine/parameters/parameters.ts";
import { shareScope } from "../../engine/parameters/share-scope.ts";
import type { LossInputs } from "../../engine/training/training-definition.ts";
import { coin, flipWhere, randomTranslation } from "../../networks/augment.ts";
import { critic } from "../../networks/critic.ts";
import { networkDenoiser } from "../denoiser.ts";
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
 * @param features - features of a frozen network, which the critic judges instead of pixels
 * @returns a scalar with the gradients of both losses, which are means over calls, maps and pixels. Its value is the critic's
 *   loss: 2 if the critic knows nothing, 0 if it is always right and smooth
 * @see Lin et al. 2025, arXiv:2501.08316, section 3.3 (smoothness); Lim and Ye 2017, arXiv:1705.02894 (hinge loss); Sauer et al. 2023, arXiv:2311.17042 (adversarial distillation)
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
  const levels = adversarialLevels(options);
  const { clean, noise, classes: known } = trainingBatch(inputs, { mean: 0, std: 1 });
  const classes = network.numClasses === 0 ? undefined : known;
  const denoiser = networkDenoiser(shareScope(scope), { ...network, dropout: options.dropout });
  const made: Tensor[] = [];
  for (const [index, level] of levels.entries()) {
    const fresh = index === 0 ? noise : scope.random("normal", randomStreams.stepNoise, clean.shape);
    const scaled = mul(fresh, level);
    const noisy = index === 0 ? scaled : add(stopGradient(made[index - 1]!), scaled);
    made.push(denoiser(noisy, constantVector(clean, level), classes));
  }
  const allClasses =
    classes &&
    concat(
      levels.map(() => classes),
      0,
    );
  const fake = features(shown(scope, concat(made, 0), options));
  const shownReal = shown(scope, clean, options);
  const real = features(shownReal);
  const criticScope = shareScope(scopeWithRate(scope.child(criticName), options.criticRate));
  const judge = (judging: Scope, maps: readonly Tensor[], of: Tensor | undefined) =>
    critic(judging, maps, of, { channels: options.criticChannels, numClasses: network.numClasses });
  const onReal = judge(criticScope(), real, classes);
  const onFake = judge(criticScope(), fake.map(stopGradient), allClasses);
  const onNoisy =
    options.smoothness === 0
      ? undefined
      : judge(criticScope(), features(add(shownReal, mul(noise, smallNoise))), classes);
  const ofGenerator = judge(frozenScope(criticScope()), fake, allClasses);
  const terms = onReal.map((logits, map) => {
    const hinge = add(mean(relu(sub(1, logits))), mean(relu(add(onFake[map]!, 1))));
    const generatorLoss = mul(mean(ofGenerator[map]!), -1);
    const both = add(hinge, sub(generatorLoss, stopGradient(generatorLoss)));
    if (onNoisy === undefined) return both;
    const change = sub(onNoisy[map]!, logits);
    return add(both, mul(mean(mul(change, change)), options.smoothness));
  });
  return mul(
    terms.reduce((total, term) => add(total, term)),
    1 / terms.length,
  );
}

/** The noise levels of the calls that a generator is tuned for: those of the sampler for the same options. */
export function adversarialLevels({ steps, sigmaMin, sigmaMax }: AdversarialOptions): readonly number[] {
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
