import type { Tensor } from "../engine/graph/graph.ts";
import { add, div, log, mul, sqrt } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/reshape.ts";

/** Standard deviation of the data, for pixels in [-1, 1]. */
const sigmaData = 0.5;

/** The factors in D(x; sigma) = skip·x + out·F(in·x; noise), where D is the denoiser and F the network. */
export interface Preconditioning {
  /** [N, 1, 1, 1], like `out` and `in`. */
  readonly skip: Tensor;
  readonly out: Tensor;
  readonly in: Tensor;
  /** ln(sigma) / 4, [N]. */
  readonly noise: Tensor;
}

/**
 * The preconditioning of EDM.
 * @param sigma - noise level of each image, [N], above 0
 * @see Karras et al. 2022, arXiv:2206.00364, table 1, column "Ours"
 */
export function preconditioning(sigma: Tensor): Preconditioning {
  const perImage = reshape(sigma, [-1, 1, 1, 1]);
  const variance = add(mul(perImage, perImage), sigmaData ** 2);
  const std = sqrt(variance);
  return {
    skip: div(sigmaData ** 2, variance),
    out: div(mul(perImage, sigmaData), std),
    in: div(1, std),
    noise: mul(log(sigma), 0.25),
  };
}
