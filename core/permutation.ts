/**
 * Keyed pseudo-random permutations of [0, size): any entry is found in O(1) time and memory, with no table, so a
 * loader can jump to any position of any epoch.
 *
 * A position is split into two digits, `left` in [0, numLeft) and `right` in [0, numRight), where
 * numLeft · numRight is at least size and below size + numLeft. Twelve Feistel rounds add a keyed hash of one digit to
 * the other, modulo its range. Positions that land outside [0, size) are sent through again (cycle walking).
 *
 * @see Black and Rogaway 2002, "Ciphers with arbitrary finite domains", methods "generalized Feistel" and "cycle walking"
 */

import { BuilderError } from "./errors.ts";
import { fillBits, randomStreams } from "./random.ts";

/** The largest size of a permutation, 2⁴⁰: products of two digits and 32-bit hashes stay exact in float64. */
export const maxPermutationSize = 2 ** 40;

/** Always even, so that the last round changes the right digit. */
const numRounds = 12;
const twoToThe32 = 4294967296;

/** A permutation of [0, size), ready to evaluate. Plain data: equal options give equal permutations. */
export interface Permutation {
  readonly size: number;
  readonly numLeft: number;
  readonly numRight: number;
  /** Two 32-bit words a round. */
  readonly keys: Int32Array;
}

/**
 * @param options.size - number of entries, integer in [1, 2⁴⁰]
 * @param options.seed - integer in [0, 2⁵³)
 * @param options.id - which of the permutations of this seed, integer in [0, 2⁵³); permutations of other ids are independent
 * @throws BuilderError `permutation/out-of-range` unless size, seed and id are integers in range
 */
export function createPermutation(options: {
  readonly size: number;
  readonly seed: number;
  readonly id: number;
}): Permutation {
  const { size, seed, id } = options;
  requireInteger("size", size, 1, maxPermutationSize);
  requireInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("id", id, 0, Number.MAX_SAFE_INTEGER);
  const numLeft = Math.ceil(Math.sqrt(size));
  const numRight = Math.ceil(size / numLeft);
  const words = new Uint32Array(2 * numRounds);
  fillBits({ seed, stream: randomStreams.permutation, id }, words);
  return { size, numLeft, numRight, keys: new Int32Array(words.buffer) };
}

/**
 * The entry at `position`.
 * @param position - integer in [0, size); not checked, this is the loader's innermost loop
 * @returns integer in [0, size)
 */
export function permute(position: number, permutation: Permutation): number {
  const { size, numLeft, numRight, keys } = permutation;
  let value = position;
  do {
    let left = Math.floor(value / numRight);
    let right = value - left * numRight;
    for (let word = 0; word < 2 * numRounds; word += 4) {
      left += hashBelow(right, keys[word]!, keys[word + 1]!, numLeft);
      if (left >= numLeft) left -= numLeft;
      right += hashBelow(left, keys[word + 2]!, keys[word + 3]!, numRight);
      if (right >= numRight) right -= numRight;
    }
    value = left * numRight + right;
  } while (value >= size);
  return value;
}

/**
 * The position of an entry: `invertPermute(permute(position, p), p) === position`.
 * @param entry - integer in [0, size); not checked
 * @returns integer in [0, size)
 */
export function invertPermute(entry: number, permutation: Permutation): number {
  const { size, numLeft, numRight, keys } = permutation;
  let value = entry;
  do {
    let left = Math.floor(value / numRight);
    let right = value - left * numRight;
    for (let word = 2 * numRounds - 4; word >= 0; word -= 4) {
      right -= hashBelow(left, keys[word + 2]!, keys[word + 3]!, numRight);
      if (right < 0) right += numRight;
      left -= hashBelow(right, keys[word]!, keys[word + 1]!, numLeft);
      if (left < 0) left += numLeft;
    }
    value = left * numRight + right;
  } while (value >= size);
  return value;
}

/** A keyed hash of a digit, in [0, bound): the 32-bit finalizer of MurmurHash3 between two key words. */
function hashBelow(digit: number, keyBefore: number, keyAfter: number, bound: number): number {
  let mixed = digit ^ keyBefore;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) + keyAfter;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f);
  return Math.floor((((mixed ^ (mixed >>> 16)) >>> 0) * bound) / twoToThe32);
}

function requireInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new BuilderError(
    "permutation/out-of-range",
    `${name} must be an integer in [${low}, ${high}], got ${value}. Choose one in that range.`,
  );
}
