import { Cifar5mError } from "../../core/errors.ts";

/** The ways to spread noise levels between the largest and the smallest one. */
export const scheduleNames = ["karras", "exponential", "linear-beta"] as const;
export type ScheduleName = (typeof scheduleNames)[number];

export interface NoiseLevelOptions {
  /** N, the number of levels before the zero, at least 1. */
  readonly steps: number;
  /** `karras`: even in sigma^(1 / rho). `exponential`: even in ln(sigma). `linear-beta`: the levels of DDPM. */
  readonly schedule: ScheduleName;
  /** Smallest non-zero level, in pixel standard deviations (pixels in [-1, 1]). `linear-beta` goes from 0.01 to 157. */
  readonly sigmaMin: number;
  /** Largest level, in the same unit. */
  readonly sigmaMax: number;
  /** For `karras` only: 1 spreads the levels evenly; a larger value gives more low levels. */
  readonly rho: number;
}

/**
 * The noise levels that the sampler visits, from the largest one to zero.
 * @returns sigma, float64, shape [N + 1], strictly falling, last entry 0
 * @throws Cifar5mError `config/out-of-range` unless 0 < sigmaMin < sigmaMax (but for `linear-beta`) and N ≥ 1; for `linear-beta`, N ≤ 1,000 too; or if
 *   rounding would give levels that do not fall, or that float32 cannot hold
 * @see Karras et al. 2022, arXiv:2206.00364, eq. 5; Ho et al. 2020, arXiv:2006.11239, section 4
 */
export function noiseLevels(options: NoiseLevelOptions): Float64Array {
  const { steps, schedule, sigmaMin, sigmaMax, rho } = options;
  if (schedule !== "linear-beta" && !(sigmaMin > 0 && sigmaMin < sigmaMax)) {
    throw new Cifar5mError(
      "config/out-of-range",
      `sampler.sigmaMin must lie between 0 and sigmaMax = ${sigmaMax}, got ${sigmaMin}. Use 0.02 and 80.`,
    );
  }
  const most = schedule === "linear-beta" ? numDdpmLevels : Number.MAX_SAFE_INTEGER;
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= most)) {
    const bound = schedule === "linear-beta" ? ` to ${most}` : "";
    throw new Cifar5mError(
      "config/out-of-range",
      `sampler.steps must be a whole number from 1${bound}, got ${steps}. Use 10.`,
    );
  }
  const levelAt = {
    karras: (part: number) => (sigmaMax ** (1 / rho) + part * (sigmaMin ** (1 / rho) - sigmaMax ** (1 / rho))) ** rho,
    exponential: (part: number) => sigmaMax * (sigmaMin / sigmaMax) ** part,
    "linear-beta": ddpmLevel,
  }[schedule];
  const sigmas = Float64Array.from({ length: steps + 1 }, (_, index) =>
    index === steps ? 0 : levelAt(steps === 1 ? 0 : index / (steps - 1)),
  );
  requireFallingLevels(sigmas, schedule);
  return sigmas;
}

const largestFloat32 = 3.4028234663852886e38;

/** Networks get levels as float32 numbers. Karras' formula cancels for a small rho, down to levels of zero. */
function requireFallingLevels(sigmas: Float64Array, schedule: ScheduleName): void {
  const levels = sigmas.subarray(0, -1);
  const wrong = levels.findIndex(
    (sigma, index) => !(Math.fround(sigma) > 0 && sigma < (levels[index - 1] ?? largestFloat32)),
  );
  if (wrong === -1) return;
  throw new Cifar5mError(
    "config/out-of-range",
    `sampler.sigmaMin${schedule === "karras" ? ", sigmaMax and rho" : " and sigmaMax"} must give noise levels above 0, each below the one before it, ` +
      `got ${levels.subarray(Math.max(0, wrong - 1), wrong + 1).join(" and then ")}. Use 0.02 and 80, and a rho of at least 1.`,
  );
}

const numDdpmLevels = 1000;

/** A noise level of DDPM for images that are not scaled down when noise is added. The 1,000 levels lie in [0.01, 157]. */
function ddpmLevel(part: number): number {
  const last = Math.round((1 - part) * (numDdpmLevels - 1));
  let kept = 1;
  for (let index = 0; index <= last; index++) kept *= 1 - (1e-4 + (index / (numDdpmLevels - 1)) * (0.02 - 1e-4));
  return Math.sqrt((1 - kept) / kept);
}
