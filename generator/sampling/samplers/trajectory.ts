/**
 * What a denoiser call may combine into the next place:
 * `x` where it was called, `kept` a place that was remembered, `denoised0` its result, `denoised1` that of the call
 * before, and so on, `noise` fresh unit normal numbers.
 */
export const terms = ["x", "kept", "denoised0", "denoised1", "denoised2", "denoised3", "noise"] as const;
export type Term = (typeof terms)[number];

/** Factors of terms; those left out are 0. */
export type Combination = Readonly<Partial<Record<Term, number>>>;

/** One denoiser call and what follows from it. */
export interface Call {
  /** Noise level at which the denoiser is called. */
  readonly sigma: number;
  /** Where the next call takes place; after the last call, the images. */
  readonly next: Combination;
  /** What is remembered for calls to come. */
  readonly kept?: Combination;
}

/**
 * The way from noise to images: all that a sampler is. HwncImages are images plus noise, never scaled, so that every known
 * sampler is a fixed linear combination after each call.
 */
export interface Trajectory {
  /** Standard deviation of the noise it starts from. */
  readonly start: number;
  readonly calls: readonly Call[];
}

/**
 * A sampler.
 * @param sigmas - noise levels, strictly falling, shape [N + 1]; the last may be 0
 */
export type Sampling = (sigmas: Float64Array) => Trajectory;

/** Sum of combinations, each times a factor. */
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

/** The pairs of neighboring noise levels, one a step. */
export function stepsOf(sigmas: Float64Array): readonly { readonly sigma: number; readonly next: number }[] {
  return Array.from({ length: sigmas.length - 1 }, (_, index) => ({ sigma: sigmas[index]!, next: sigmas[index + 1]! }));
}
