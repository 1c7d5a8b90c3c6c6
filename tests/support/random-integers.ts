import { fillBits, randomStreams } from "../../core/random.ts";

/** Pseudo-random integers in [0, bound) for tests; equal seeds give equal ones. */
export function randomIntegers(seed: number, bound: number): { readonly next: () => number } {
  let id = 0;
  const bits = new Uint32Array(1);
  return {
    next: () => {
      fillBits({ seed, stream: randomStreams.augmentation, id: id++ }, bits);
      return bits[0]! % bound;
    },
  };
}
