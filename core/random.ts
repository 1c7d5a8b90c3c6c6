/**
 * Counter-based random numbers: every value is a pure function of (seed, stream, id, position). It does not depend on
 * which values were generated before, by which caller, or in which order.
 *
 * Philox4x32-10 of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", as in Random123.
 */

/** What random numbers are used for. Different streams are independent, even for equal seed and id. */
export const randomStreams = {
  sampleNoise: 0,
  trainSigma: 1,
  trainNoise: 2,
  // 3 was used by a release before.
  trainFlip: 4,
  trainCrop: 5,
  weights: 6,
  permutation: 7,
  augmentation: 8,
  stepNoise: 9,
  dropout: 10,
  classDropout: 11,
  blockPermutation: 12,
  windowPermutation: 13,
  labelNoise: 14,
  trainJpeg: 15,
  heldOut: 16,
  trainCutout: 17,
  rotation: 20,
  audit: 31,
} as const;

export type RandomStream = (typeof randomStreams)[keyof typeof randomStreams];

/** A sequence of random numbers. */
export interface RandomSource {
  /** Any integer in [0, 2⁵³). */
  readonly seed: number;
  readonly stream: RandomStream;
  /** What the numbers belong to: an image id, a training step, a parameter. Any integer in [0, 2⁵³). */
  readonly id: number;
  /** How many values to skip at the start, a multiple of 4; 0 by default. */
  readonly skip?: number;
}

const multiplierA = 0xd2511f53;
const multiplierB = 0xcd9e8d57;
const weylA = 0x9e3779b9;
const weylB = 0xbb67ae85;
const twoToThe32 = 4294967296;

/** The high 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/**
 * Computes one Philox4x32-10 block.
 * @param counter - 4 unsigned 32-bit integers
 * @param key - 2 unsigned 32-bit integers
 * @param out - receives the 4 unsigned 32-bit results, starting at `offset`
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
  offset = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const highA = multiplyHigh(multiplierA, c0);
    const lowA = Math.imul(multiplierA, c0) >>> 0;
    const highB = multiplyHigh(multiplierB, c2);
    const lowB = Math.imul(multiplierB, c2) >>> 0;
    c0 = (highB ^ c1 ^ k0) >>> 0;
    c1 = lowB;
    c2 = (highA ^ c3 ^ k1) >>> 0;
    c3 = lowA;
    k0 = (k0 + weylA) >>> 0;
    k1 = (k1 + weylB) >>> 0;
  }
  out[offset] = c0;
  out[offset + 1] = c1;
  out[offset + 2] = c2;
  out[offset + 3] = c3;
}

/** Fills `out` with uniform unsigned 32-bit integers. */
export function fillBits(source: RandomSource, out: Uint32Array): void {
  const key = [source.seed >>> 0, Math.floor(source.seed / twoToThe32) >>> 0] as const;
  const idLow = source.id >>> 0;
  const idHigh = Math.floor(source.id / twoToThe32) >>> 0;
  const firstBlock = (source.skip ?? 0) / 4;
  const counter: [number, number, number, number] = [firstBlock, idLow, idHigh, source.stream];
  const whole = out.length & ~3;
  for (let position = 0; position < whole; position += 4) {
    counter[0] = firstBlock + (position >>> 2);
    philox4x32(counter, key, out, position);
  }
  if (whole < out.length) {
    const last = new Uint32Array(4);
    counter[0] = firstBlock + (whole >>> 2);
    philox4x32(counter, key, last);
    out.set(last.subarray(0, out.length - whole), whole);
  }
}

/** Fills `out` with uniform numbers in [0, 1): 32 random bits each in a Float64Array, 24 in a Float32Array. */
export function fillUniforms(source: RandomSource, out: Float32Array | Float64Array): void {
  const bits = new Uint32Array(out.length);
  fillBits(source, bits);
  const shift = out instanceof Float32Array ? 8 : 0;
  const scale = 2 ** (shift - 32);
  for (let index = 0; index < out.length; index++) out[index] = (bits[index]! >>> shift) * scale;
}

/** Fills `out` with standard normal numbers, by the Box–Muller transform of pairs of uniform numbers. */
export function fillNormals(source: RandomSource, out: Float32Array | Float64Array): void {
  const numPairs = (out.length + 1) >>> 1;
  const bits = new Uint32Array(2 * numPairs);
  fillBits(source, bits);
  for (let pair = 0; pair < numPairs; pair++) {
    const radius = Math.sqrt(-2 * Math.log((bits[2 * pair]! + 0.5) / twoToThe32));
    const angle = (2 * Math.PI * bits[2 * pair + 1]!) / twoToThe32;
    out[2 * pair] = radius * Math.cos(angle);
    if (2 * pair + 1 < out.length) out[2 * pair + 1] = radius * Math.sin(angle);
  }
}

/** Fills `out` with uniform integers in [0, bound), with bound ≤ 2³². The bias is below bound / 2³². */
export function fillIntegers(source: RandomSource, bound: number, out: Uint32Array | Int32Array): void {
  const bits = new Uint32Array(out.length);
  fillBits(source, bits);
  for (let index = 0; index < out.length; index++) out[index] = Math.floor((bits[index]! / twoToThe32) * bound);
}
