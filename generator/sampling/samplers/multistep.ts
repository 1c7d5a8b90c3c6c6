import type { Combination } from "./trajectory.ts";

const denoisedTerms = ["denoised0", "denoised1", "denoised2", "denoised3"] as const;

/**
 * The weights of a step of the probability-flow equation that approximates the denoised images D by a polynomial in
 * -ln(sigma): x(next) = (next / sigma) · x(sigma) + integral of exp(s - h) · D over s from 0 to h, with h = ln(sigma / next).
 *
 * The highest power is weighted as if exp(s - h) were constant during the step. The order of accuracy is still the number
 * of nodes. In long steps this weighting trusts the polynomial less, because it keeps curving where D flattens out. Without
 * it, UniPC's error at 8 to 12 steps is about 50% larger. UniPC's program does so with two nodes, where its B(h) has an
 * effect; with more nodes it integrates exactly, so the weights of three nodes and more differ from the published ones.
 * @param nodes - noise levels of earlier calls, newest first; the polynomial interpolates their D
 * @returns factors of the denoised images of the nodes, newest first; the factor of x is next / sigma
 * @see Lu et al. 2022, arXiv:2211.01095, eq. 8; Zhao et al. 2023, arXiv:2302.04867, section 3.4, the B(h) of its program
 */
function multistepWeights(sigma: number, next: number, nodes: readonly number[]): number[] {
  if (next === 0) return nodes.map((_, index) => (index === 0 ? 1 : 0));
  const h = Math.log(sigma / next);
  const highest = nodes.length - 1;
  const momentOf = (power: number) => (power < highest ? moment(h, power) : moment(h, 0) / (power + 1));
  const positions = nodes.map((node) => Math.log(sigma / node) / h);
  return positions.map((position, index) => {
    // The polynomial that is 1 at this node and 0 at the others, lowest power first.
    let polynomial = [1];
    positions.forEach((other, otherIndex) => {
      if (otherIndex === index) return;
      const scale = 1 / (position - other);
      polynomial = [...polynomial, 0].map((value, power) => scale * ((polynomial[power - 1] ?? 0) - other * value));
    });
    return polynomial.reduce((sum, factor, power) => sum + factor * momentOf(power), 0);
  });
}

/**
 * The combination of terms for such a step.
 * @param x - the noisy images at `sigma`
 */
export function multistep(x: Combination, sigma: number, next: number, nodes: readonly number[]): Combination {
  const sum: Record<string, number> = {};
  for (const [term, factor] of Object.entries(x)) sum[term] = (factor * next) / sigma;
  multistepWeights(sigma, next, nodes).forEach((weight, index) => {
    const term = denoisedTerms[index]!;
    sum[term] = (sum[term] ?? 0) + weight;
  });
  return sum;
}

/** Integral of exp(s - h) · (s / h)^power over s from 0 to h. */
function moment(h: number, power: number): number {
  if (h >= 1) {
    // Integration by parts. It loses digits for small h.
    let value = -Math.expm1(-h);
    for (let k = 1; k <= power; k++) value = 1 - (k / h) * value;
    return value;
  }
  let summand = h / (power + 1);
  let sum = 0;
  for (let k = power + 2; Math.abs(summand) > 1e-18 * h; k++) {
    sum += summand;
    summand *= -h / k;
  }
  return sum;
}
