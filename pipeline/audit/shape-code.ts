import type { MirrorBasis } from "./mirror-basis.ts";

/** Even and odd coefficients of a code. */
const half = 32;
/** Numbers of a code: the even coefficients, then the odd ones. */
export const codeLength = 2 * half;
/** Number of even ones. */
export const numEvenOfCode = half;

/** Indices of the functions that codes use: the leading ones without the means of the colors. */
export function codeFunctions({ numEven, constants }: MirrorBasis): readonly number[] {
  const even = Array.from({ length: numEven }, (_, index) => index).filter((index) => !constants.includes(index));
  return [...even.slice(0, half), ...Array.from({ length: half }, (_, index) => numEven + index)];
}

/**
 * Writes the shape of an image: its leading coefficients, scaled to norm 127 and rounded. It does not depend on brightness
 * and contrast; of the mirrored image, the second half changes its sign.
 * @param coefficients - of all images; those of the image start at `start`
 */
export function writeCode(
  coefficients: Float32Array,
  start: number,
  functions: readonly number[],
  out: Int8Array,
  outStart: number,
): void {
  let squared = 0;
  for (const index of functions) squared += coefficients[start + index]! ** 2;
  const scale = squared === 0 ? 0 : 127 / Math.sqrt(squared);
  for (const [position, index] of functions.entries()) {
    out[outStart + position] = Math.round(coefficients[start + index]! * scale);
  }
}
