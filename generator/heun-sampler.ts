/**
 * The best guess of the clean images behind noisy ones.
 * @param noisy - pixels in [-1, 1] plus noise, any number of images flattened
 * @param sigma - the noise's standard deviation, above 0
 */
export type Denoise = (noisy: Float32Array, sigma: number) => Promise<Float32Array>;

/** Denoiser calls of one image: two for each step but the last, which ends at zero noise. */
export function heunCalls(steps: number): number {
  return 2 * steps - 1;
}

/**
 * Follows the probability-flow equation dx/dsigma = (x - D(x; sigma)) / sigma from noise to images, by Heun's method.
 * @param start - noise of standard deviation `sigmas[0]`
 * @param sigmas - strictly falling, last entry 0, shape [N + 1]
 * @returns the images, in the shape of `start`; the error falls with the square of N
 * @see Karras et al. 2022, arXiv:2206.00364, algorithm 1
 */
export async function sampleHeun(denoise: Denoise, start: Float32Array, sigmas: Float64Array): Promise<Float32Array> {
  const x = Float64Array.from(start);
  for (let step = 0; step + 1 < sigmas.length; step++) {
    const [sigma, next] = [sigmas[step]!, sigmas[step + 1]!];
    const slope = slopeAt(x, await denoise(Float32Array.from(x), sigma), sigma);
    const euler = Float64Array.from(x);
    for (let index = 0; index < x.length; index++) euler[index]! += (next - sigma) * slope[index]!;
    if (next > 0) {
      const corrected = slopeAt(euler, await denoise(Float32Array.from(euler), next), next);
      for (let index = 0; index < x.length; index++) {
        x[index]! += ((next - sigma) * (slope[index]! + corrected[index]!)) / 2;
      }
    } else {
      x.set(euler);
    }
  }
  return Float32Array.from(x);
}

function slopeAt(x: Float64Array, denoised: Float32Array, sigma: number): Float64Array {
  const slope = new Float64Array(x.length);
  for (let index = 0; index < x.length; index++) slope[index] = (x[index]! - denoised[index]!) / sigma;
  return slope;
}
