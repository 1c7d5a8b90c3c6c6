import type { Tensor } from "../engine/graph.ts";
import { constantScope, type Weights } from "../engine/inference.ts";
import { add, div, maximum, mul, sigmoid, sqrt, stopGradient, sub } from "../engine/ops/elementwise.ts";
import { mean, sum } from "../engine/ops/reduce.ts";
import { reshape } from "../engine/ops/shape.ts";
import type { Scope } from "../engine/parameters.ts";
import { shareScope } from "../engine/share-scope.ts";
import { sizeOf, tensorData } from "../engine/tensor.ts";
import type { LossInputs } from "../engine/training-program.ts";
import { unet } from "../networks/unet.ts";
import type { GeneratorNetworkOptions } from "./options.ts";
import { preconditioning } from "./preconditioning.ts";
import { addNoise, trainingBatch } from "./training-batch.ts";

/** ln(sigma) in tuning (Geng et al. 2024, for CIFAR-10). */
const logSigma = { mean: -1.1, deviation: 2 };
/** How much farther apart small noise levels are than large ones (k of Geng et al.). */
const lowLevelGap = 8;
/** Differences below this norm count by their square (0.00054 · √3072; Song and Dhariwal 2023, arXiv:2310.14189). */
const huberWidth = 0.03;
/** Stands for zero noise, at which the logarithm that the network sees has no value. */
const leastSigma = 1e-6;

/** Who knows the way from more to less noise, where it is not the data. */
export interface Teacher {
  readonly weights: Weights;
  /** Weight of the class; 1 is the plain denoiser. */
  readonly guidance: number;
}

/**
 * The denoiser at a noise level should say what it says, itself, at a slightly lower one on the same path: then one call
 * leads to the path's end. Step value `gap`: the distance of the two levels for large sigma, as part of sigma.
 * Without a teacher the path goes straight to the clean image (easy consistency tuning); with one it is a step of the
 * teacher's probability flow (consistency distillation), so that guidance of several calls becomes part of one.
 * @returns mean of |D(x; sigma) - D(x'; sigma')| / (sigma - sigma') by root mean square over pixels
 * @see Geng et al. 2024, arXiv:2406.14548; Song et al. 2023, arXiv:2303.01469, algorithm 2; Luo et al. 2023, arXiv:2310.04378
 */
export function consistencyLoss(
  inputs: LossInputs,
  network: GeneratorNetworkOptions & { readonly dropout: number },
  teacher?: Teacher,
): Tensor {
  const { clean, sigma, noise, classes: known } = trainingBatch(inputs, logSigma);
  const classes = network.numClasses > 0 ? known : undefined;
  const lower = lowerLevel(sigma, inputs.step["gap"]!);
  const noisy = addNoise(clean, noise, sigma);
  const less =
    teacher === undefined
      ? addNoise(clean, noise, lower)
      : flowStep(noisy, guidedDenoiser(teacher, noisy, sigma, classes, network), sigma, lower);
  // Both calls drop the same features.
  const scopes = shareScope(inputs.scope);
  const student = denoiser(scopes(), noisy, sigma, classes, network);
  const target = stopGradient(denoiser(scopes(), less, maximum(lower, leastSigma), classes, network));
  return pathLoss(student, target, sub(sigma, lower));
}

/**
 * sigma' = sigma · (1 - gap · (1 + 8 · sigmoid(-sigma))), and 0 where that is negative.
 * @see Geng et al. 2024, arXiv:2406.14548, eq. 13
 */
export function lowerLevel(sigma: Tensor, gap: Tensor): Tensor {
  const widened = add(mul(sigmoid(mul(sigma, -1)), lowLevelGap), 1);
  return mul(sigma, maximum(sub(1, mul(widened, gap)), 0));
}

/** One Euler step of dx/dsigma = (x - D(x; sigma)) / sigma from `sigma` to `lower`, [N] each. */
export function flowStep(x: Tensor, denoised: Tensor, sigma: Tensor, lower: Tensor): Tensor {
  const kept = reshape(div(lower, sigma), [-1, 1, 1, 1]);
  return add(denoised, mul(sub(x, denoised), kept));
}

/** Pseudo-Huber distance of each image, over the distance of the noise levels; its mean. */
export function pathLoss(student: Tensor, target: Tensor, distance: Tensor): Tensor {
  const difference = sub(student, target);
  const square = sum(mul(difference, difference), { axes: [1, 2, 3] });
  const huber = sub(sqrt(add(square, huberWidth ** 2)), huberWidth);
  return mul(mean(div(huber, distance)), 1 / Math.sqrt(sizeOf(student.shape.slice(1))));
}

function guidedDenoiser(
  { weights, guidance }: Teacher,
  noisy: Tensor,
  sigma: Tensor,
  classes: Tensor | undefined,
  network: GeneratorNetworkOptions,
): Tensor {
  const scope = constantScope(noisy.graph, weights);
  const call = (asked: Tensor | undefined) => denoiser(scope, noisy, sigma, asked, { ...network, dropout: 0 });
  const plain = call(classes);
  if (guidance === 1 || classes === undefined) return plain;
  const none = noisy.graph.constant(
    tensorData("int64", classes.shape, new Array(sizeOf(classes.shape)).fill(network.numClasses)),
  );
  return add(mul(plain, guidance), mul(call(none), 1 - guidance));
}

function denoiser(
  scope: Scope,
  noisy: Tensor,
  sigma: Tensor,
  classes: Tensor | undefined,
  network: GeneratorNetworkOptions & { readonly dropout: number },
): Tensor {
  const factors = preconditioning(sigma);
  const result = unet(scope, mul(noisy, factors.in), factors.noise, classes, network);
  return add(mul(noisy, factors.skip), mul(result, factors.out));
}
