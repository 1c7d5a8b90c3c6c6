/**
 * Keyed pseudo-random permutations of [0, size). Any entry is computed in O(1) time and memory without a table, so a
 * loader can jump to any position of any epoch.
 *
 * A position is split into two digits, `left` in [0, numLeft) and `right` in [0, numRight), where
 * numLeft · numRight is at least size and below size + numLeft. Eight Feistel rounds add a keyed hash of one digit to
 * the other, modulo its range. A result outside [0, size) goes through the rounds again (cycle walking).
 *
 * @see Black and Rogaway 2002, "Ciphers with arbitrary finite domains", methods "generalized Feistel" and "cycle walking"
 */

import { Cifar5mError } from "./errors.ts";
import { fillBits, type RandomStream, randomStreams } from "./random.ts";

/** The largest size of a permutation, 2⁴⁰: the product of a digit and a 31-bit hash stays exact in float64. */
export const maxPermutationSize = 2 ** 40;

/** Must be even, so that the last round changes the right digit. */
const numRounds = 8;
const twoToThe31 = 2147483648;

/** A permutation of [0, size) as plain data. Equal options give equal permutations. */
export interface Permutation {
  readonly size: number;
  readonly numLeft: number;
  readonly numRight: number;
  /** Two 32-bit words per round. */
  readonly keys: Int32Array;
}

/**
 * @param options.size - number of entries, integer in [1, 2⁴⁰]
 * @param options.seed - integer in [0, 2⁵³)
 * @param options.id - selects one of the permutations of a seed, integer in [0, 2⁵³); different ids are independent
 * @param options.stream - what the permutation is used for, `permutation` by default; different streams are independent
 * @throws Cifar5mError `permutation/out-of-range` unless size, seed and id are integers in range
 */
export function createPermutation(options: {
  readonly size: number;
  readonly seed: number;
  readonly id: number;
  readonly stream?: RandomStream;
}): Permutation {
  const { size, seed, id, stream = randomStreams.permutation } = options;
  requireInteger("size", size, 1, maxPermutationSize);
  requireInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("id", id, 0, Number.MAX_SAFE_INTEGER);
  const numLeft = Math.ceil(Math.sqrt(size));
  const numRight = Math.ceil(size / numLeft);
  const words = new Uint32Array(2 * numRounds);
  fillBits({ seed, stream, id }, words);
  return { size, numLeft, numRight, keys: new Int32Array(words.buffer) };
}

/**
 * The entry at `position`.
 * @param position - integer in [0, size); not checked, because this is the loader's innermost loop
 * @returns integer in [0, size)
 */
export function permute(position: number, permutation: Permutation): number {
  const { size, numLeft, numRight, keys } = permutation;
  const leftScale = numLeft / twoToThe31;
  const rightScale = numRight / twoToThe31;
  let value = position;
  do {
    let left = Math.floor(value / numRight) | 0;
    let right = (value - left * numRight) | 0;
    for (let word = 0; word < 2 * numRounds; word += 4) {
      // Modulo without a branch: the processor would mispredict every other branch here.
      left = (left + hashBelow(right, keys[word]!, keys[word + 1]!, leftScale) - numLeft) | 0;
      left = (left + (numLeft & (left >> 31))) | 0;
      right = (right + hashBelow(left, keys[word + 2]!, keys[word + 3]!, rightScale) - numRight) | 0;
      right = (right + (numRight & (right >> 31))) | 0;
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
  const leftScale = numLeft / twoToThe31;
  const rightScale = numRight / twoToThe31;
  let value = entry;
  do {
    let left = Math.floor(value / numRight) | 0;
    let right = (value - left * numRight) | 0;
    for (let word = 2 * numRounds - 4; word >= 0; word -= 4) {
      right -= hashBelow(left, keys[word + 2]!, keys[word + 3]!, rightScale);
      if (right < 0) right += numRight;
      left -= hashBelow(right, keys[word]!, keys[word + 1]!, leftScale);
      if (left < 0) left += numLeft;
    }
    value = left * numRight + right;
  } while (value >= size);
  return value;
}

/**
 * A keyed hash of a digit, in [0, bound). It is the 32-bit finalizer "lowbias32" with one key word XORed before its first
 * product and one after it. The high 31 bits of the hash are scaled to the bound.
 * @param scale - bound / 2³¹; it is exact in float64, and so is its product with 31 bits
 * @see Wellons 2018, https://nullprogram.com/blog/2018/07/31/
 */
function hashBelow(digit: number, keyBefore: number, keyAfter: number, scale: number): number {
  let mixed = digit ^ keyBefore;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d) ^ keyAfter;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (((mixed ^ (mixed >>> 16)) >>> 1) * scale) | 0;
}

function requireInteger(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  throw new Cifar5mError(
    "permutation/out-of-range",
    `${name} must be an integer in [${low}, ${high}], got ${value}. Choose one in that range.`,
  );
}
