import { BuilderError } from "../core/errors.ts";

/**
 * Noise levels the sampler visits, largest first, ending at zero.
 * @param options.steps - N, number of levels before the zero, at least 1
 * @param options.sigmaMin - smallest non-zero level, pixel standard deviations (pixels in [-1, 1])
 * @param options.rho - 1 spreads them evenly; larger puts more of them low
 * @returns sigma, float64, shape [N + 1], strictly falling, last entry 0
 * @throws BuilderError `config/out-of-range` unless 0 < sigmaMin < sigmaMax and N ≥ 1
 * @see Karras et al. 2022, arXiv:2206.00364, eq. 5
 */
export function noiseLevels(options: {
  readonly steps: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  readonly rho: number;
}): Float64Array {
  const { steps, sigmaMin, sigmaMax, rho } = options;
  if (!(sigmaMin > 0 && sigmaMin < sigmaMax)) {
    throw new BuilderError(
      "config/out-of-range",
      `sampler.sigmaMin must lie between 0 and sigmaMax = ${sigmaMax}, got ${sigmaMin}. Use 0.002 and 80.`,
    );
  }
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new BuilderError("config/out-of-range", `sampler.steps must be a whole number from 1, got ${steps}. Use 18.`);
  }
  const high = sigmaMax ** (1 / rho);
  const low = sigmaMin ** (1 / rho);
  return Float64Array.from({ length: steps + 1 }, (_, index) => {
    if (index === steps) return 0;
    return steps === 1 ? sigmaMax : (high + (index / (steps - 1)) * (low - high)) ** rho;
  });
}
