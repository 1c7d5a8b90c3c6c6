import type { Tensor } from "../../engine/graph/graph.ts";
import { sizeOf } from "../../engine/graph/tensor.ts";
import { sum } from "../../engine/ops/broadcast.ts";
import { add, div, maximum, mul, sigmoid, sqrt, stopGradient, sub } from "../../engine/ops/elementwise.ts";
import { mean } from "../../engine/ops/reduce.ts";
import { reshape } from "../../engine/ops/reshape.ts";
import type { LossInputs } from "../../engine/training/training-definition.ts";
import type { Denoiser } from "../denoiser.ts";
import { addNoise, trainingBatch } from "./training-batch.ts";

/** ln(sigma) in tuning (Geng et al. 2024, for CIFAR-10). */
const logSigma = { mean: -1.1, std: 2 };
/** k of Geng et al.: the relative gap at noise level 0 is 1 + k / 2 times that at large levels. */
const lowLevelGap = 8;
/** Below this norm, the loss is quadratic in the difference (0.00054 · √3072; Song and Dhariwal 2023, arXiv:2310.14189). */
const huberWidth = 0.03;
/** Replaces a noise level of zero, because the network gets the logarithm of the level. */
const leastSigma = 1e-6;

/**
 * Trains a denoiser to give the same result at a noise level and at a slightly lower level on the same path. Then one
 * call leads to the end of the path. The step input `gap` is the distance of the two levels for large sigma, relative to
 * sigma.
 * @param student - called at both levels; no gradient flows through the call at the lower level
 * @param teacher - if given, the path is a step of the teacher's probability flow (consistency distillation), so that one
 *   call of the student replaces several calls of the teacher; otherwise the path goes straight to the clean image (easy
 *   consistency tuning)
 * @returns the mean of h(D(x; sigma) - D(x'; sigma')) / (sigma - sigma'), where h is the pseudo-Huber distance and norms
 *   are divided by √(values per image)
 * @see Geng et al. 2024, arXiv:2406.14548; Song et al. 2023, arXiv:2303.01469, algorithm 2; Luo et al. 2023, arXiv:2310.04378
 */
export function consistencyLoss(inputs: LossInputs, student: Denoiser, teacher?: Denoiser): Tensor {
  const { clean, sigma, noise, classes } = trainingBatch(inputs, logSigma);
  const lower = lowerLevel(sigma, inputs.step["gap"]!);
  const noisy = addNoise(clean, noise, sigma);
  const lessNoisy =
    teacher === undefined
      ? addNoise(clean, noise, lower)
      : flowStep(noisy, teacher(noisy, sigma, classes), sigma, lower);
  const denoised = student(noisy, sigma, classes);
  const target = stopGradient(student(lessNoisy, maximum(lower, leastSigma), classes));
  return pathLoss(denoised, target, sub(sigma, lower));
}

/**
 * The lower noise level: sigma' = sigma · (1 - gap · (1 + 8 · sigmoid(-sigma))), or 0 if that is negative.
 * @see Geng et al. 2024, arXiv:2406.14548, eq. 13
 */
export function lowerLevel(sigma: Tensor, gap: Tensor): Tensor {
  const widened = add(mul(sigmoid(mul(sigma, -1)), lowLevelGap), 1);
  return mul(sigma, maximum(sub(1, mul(widened, gap)), 0));
}

/** An Euler step of dx/dsigma = (x - D(x; sigma)) / sigma from `sigma` to `lower`, [N] each. */
export function flowStep(x: Tensor, denoised: Tensor, sigma: Tensor, lower: Tensor): Tensor {
  const kept = reshape(div(lower, sigma), [-1, 1, 1, 1]);
  return add(denoised, mul(sub(x, denoised), kept));
}

/** The mean over images of the pseudo-Huber distance, divided by the distance of the noise levels. */
function pathLoss(denoised: Tensor, target: Tensor, distance: Tensor): Tensor {
  const difference = sub(denoised, target);
  const square = sum(mul(difference, difference), { axes: [1, 2, 3] });
  const huber = sub(sqrt(add(square, huberWidth ** 2)), huberWidth);
  return mul(mean(div(huber, distance)), 1 / Math.sqrt(sizeOf(denoised.shape.slice(1))));
}
