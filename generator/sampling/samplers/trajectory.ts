/**
 * The terms that can be combined after a denoiser call:
 * - `x`: the noisy images that the denoiser was called with
 * - `kept`: noisy images that an earlier call stored
 * - `denoised0`: the result of this call; `denoised1`: the result of the call before; and so on
 * - `noise`: fresh standard normal numbers
 */
export const terms = ["x", "kept", "denoised0", "denoised1", "denoised2", "denoised3", "noise"] as const;
export type Term = (typeof terms)[number];

/** Factors of terms. Missing factors are 0. */
export type Combination = Readonly<Partial<Record<Term, number>>>;

/** A denoiser call and how its result is used. */
export interface Call {
  /** Noise level at which the denoiser is called. */
  readonly sigma: number;
  /** The noisy images of the next call; after the last call, the images. */
  readonly next: Combination;
  /** What later calls get as `kept`. */
  readonly kept?: Combination;
}

/**
 * The way from noise to images, which defines a sampler. Noisy images are images plus noise and are never scaled, so every
 * known sampler is a fixed linear combination after each call.
 */
export interface Trajectory {
  /** Standard deviation of the initial noise. */
  readonly start: number;
  readonly calls: readonly Call[];
}

/** A linear combination of combinations. */
export function combine(...parts: readonly (readonly [factor: number, combination: Combination])[]): Combination {
  const sum: Partial<Record<Term, number>> = {};
  for (const [factor, combination] of parts) {
    for (const term of terms) {
      const value = combination[term];
      if (value !== undefined) sum[term] = (sum[term] ?? 0) + factor * value;
    }
  }
  return sum;
}

/** The pairs of neighboring noise levels, one per step. */
export function stepsOf(sigmas: Float64Array): readonly { readonly sigma: number; readonly next: number }[] {
  return Array.from({ length: sigmas.length - 1 }, (_, index) => ({ sigma: sigmas[index]!, next: sigmas[index + 1]! }));
}
