/**
 * Standard normal numbers in AssemblyScript with SIMD: four blocks of Philox4x32-10 at a time, then the Box–Muller
 * transform in float64, rounded to float32. `scripts/maintain/make-kernels.ts` compiles this file.
 *
 * Logarithm and cosine are not the last bit's equals of `Math.log` and `Math.cos`, but their error is far below what
 * float32 keeps. Where the error could change a rounded result, the kernel names the pair as doubtful, and the caller
 * computes it with `Math`. So the float32 results are those of `core/random.ts`, to the last bit.
 */

const multiplierA: u32 = 0xd2511f53;
const multiplierB: u32 = 0xcd9e8d57;
const weylA: u32 = 0x9e3779b9;
const weylB: u32 = 0xbb67ae85;

/** Numbers per call, at most. */
export const capacity: i32 = 3072;

/** Addresses in bytes. Two keys of each round; then the addresses of table entries of four pairs. */
const keys: usize = 0;
const entries: usize = 320;
/** Cosine and sine of the middles of 512 parts of the circle, float64. The caller fills this table. */
export const circleTable: usize = 512;
/** Indices of doubtful pairs, int32. */
export const doubtful: usize = circleTable + 512 * 16;
/** The numbers, float32. */
export const numbers: usize = doubtful + (<usize>capacity / 2) * 4;
/**
 * For 128 parts of each octave: 1 / c and −2 ln(c / 2³²), where c is near the middle of the part, float64. The index is
 * the low 6 bits of the exponent and the high 7 bits of the mantissa. The caller fills this table.
 */
export const logTable: usize = 65536;

/** The angle of one step of the low 23 bits. */
const angle: f64 = 6.283185307179586 / 4294967296.0;
/** Relative to the radius, an error that the approximations stay far below: they reach 2⁻⁴². */
const doubt: f64 = 1.0 / <f64>(<i64>1 << 40);

let numDoubtful: i32 = 0;

/**
 * Writes normal numbers.
 * @param numBlocks - four numbers each; up to three blocks more are written, to fill the vectors
 * @returns the number of doubtful pairs
 */
export function fillNormals(
  key0: u32,
  key1: u32,
  idLow: u32,
  idHigh: u32,
  stream: u32,
  firstBlock: u32,
  numBlocks: i32,
): i32 {
  for (let key: usize = keys; key < keys + 320; key += 32) {
    v128.store(key, i32x4.splat(key0));
    v128.store(key, i32x4.splat(key1), 16);
    key0 += weylA;
    key1 += weylB;
  }
  numDoubtful = 0;
  const a = i32x4.splat(multiplierA);
  const b = i32x4.splat(multiplierB);
  let out = numbers;
  for (let block = 0; block < numBlocks; block += 4) {
    let c0 = i32x4.add(i32x4.splat(firstBlock + block), i32x4(0, 1, 2, 3));
    let c1 = i32x4.splat(idLow);
    let c2 = i32x4.splat(idHigh);
    let c3 = i32x4.splat(stream);
    for (let key: usize = keys; key < keys + 320; key += 32) {
      const lowA = v128.extmul_low<u32>(c0, a);
      const highA = v128.extmul_high<u32>(c0, a);
      const lowB = v128.extmul_low<u32>(c2, b);
      const highB = v128.extmul_high<u32>(c2, b);
      c0 = v128.xor(v128.xor(v128.shuffle<u32>(lowB, highB, 1, 3, 5, 7), c1), v128.load(key));
      c2 = v128.xor(v128.xor(v128.shuffle<u32>(lowA, highA, 1, 3, 5, 7), c3), v128.load(key, 16));
      c1 = v128.shuffle<u32>(lowB, highB, 0, 2, 4, 6);
      c3 = v128.shuffle<u32>(lowA, highA, 0, 2, 4, 6);
    }
    writePairs(c0, c1, out, 2 * block);
    writePairs(c2, c3, out + 8, 2 * block + 1);
    out += 64;
  }
  return numDoubtful;
}

/** Multiplies the first numbers by a factor, in float64. */
export function scaleNormals(count: i32, factor: f64): void {
  const factors = f64x2.splat(factor);
  for (let at = numbers; at < numbers + 4 * count; at += 16) {
    const four = v128.load(at);
    const low = f64x2.promote_low_f32x4(four);
    const high = f64x2.promote_low_f32x4(v128.shuffle<u64>(four, four, 1, 0));
    v128.store(at, narrow(f64x2.mul(low, factors), f64x2.mul(high, factors)));
  }
}

/**
 * The pairs of four blocks.
 * @param out - where the first block's pair goes; the others follow at a distance of 16 bytes
 * @param pair - index of the first block's pair
 */
@inline
function writePairs(radiusBits: v128, angleBits: v128, out: usize, pair: i32): void {
  // Bits below an exponent of 2⁵² are a number plus 2⁵²; half a step is added to it.
  const exponent = i32x4.splat(0x43300000);
  const u0 = f64x2.sub(v128.shuffle<u32>(radiusBits, exponent, 0, 4, 1, 5), f64x2.splat(4503599627370495.5));
  const u1 = f64x2.sub(v128.shuffle<u32>(radiusBits, exponent, 2, 6, 3, 7), f64x2.splat(4503599627370495.5));
  v128.store(entries, v128.and(i64x2.shr_u(u0, 45 - 4), i64x2.splat(0x1fff0)));
  v128.store(entries, v128.and(i64x2.shr_u(u1, 45 - 4), i64x2.splat(0x1fff0)), 16);
  v128.store(entries, v128.and(i32x4.shr_u(angleBits, 23 - 4), i32x4.splat(0x1ff0)), 32);
  const radius0 = radiusOf(u0, entries);
  const radius1 = radiusOf(u1, entries + 16);
  const offset = i32x4.sub(v128.and(angleBits, i32x4.splat(0x7fffff)), i32x4.splat(0x400000));
  const d0 = f64x2.convert_low_i32x4_s(offset);
  const d1 = f64x2.convert_low_i32x4_s(v128.shuffle<u64>(offset, offset, 1, 0));
  const e0 = v128.load(circleTable + load<u32>(entries, 32));
  const e1 = v128.load(circleTable + load<u32>(entries, 36));
  const e2 = v128.load(circleTable + load<u32>(entries, 40));
  const e3 = v128.load(circleTable + load<u32>(entries, 44));
  const x0 = f64x2.mul(radius0, v128.shuffle<u64>(e0, e1, 0, 2));
  const y0 = f64x2.mul(radius0, v128.shuffle<u64>(e0, e1, 1, 3));
  const x1 = f64x2.mul(radius1, v128.shuffle<u64>(e2, e3, 0, 2));
  const y1 = f64x2.mul(radius1, v128.shuffle<u64>(e2, e3, 1, 3));
  const cosine0 = rotateX(x0, y0, d0);
  const cosine1 = rotateX(x1, y1, d1);
  const sine0 = rotateY(x0, y0, d0);
  const sine1 = rotateY(x1, y1, d1);
  const doubt0 = f64x2.mul(radius0, f64x2.splat(doubt));
  const doubt1 = f64x2.mul(radius1, f64x2.splat(doubt));
  const cosine = narrow(f64x2.sub(cosine0, doubt0), f64x2.sub(cosine1, doubt1));
  const sine = narrow(f64x2.sub(sine0, doubt0), f64x2.sub(sine1, doubt1));
  const otherCosine = narrow(f64x2.add(cosine0, doubt0), f64x2.add(cosine1, doubt1));
  const otherSine = narrow(f64x2.add(sine0, doubt0), f64x2.add(sine1, doubt1));
  const low = v128.shuffle<u32>(cosine, sine, 0, 4, 1, 5);
  const high = v128.shuffle<u32>(cosine, sine, 2, 6, 3, 7);
  v128.store64_lane(out, low, 0);
  v128.store64_lane(out, low, 1, 16);
  v128.store64_lane(out, high, 0, 32);
  v128.store64_lane(out, high, 1, 48);
  const differ = v128.or(v128.xor(cosine, otherCosine), v128.xor(sine, otherSine));
  if (v128.any_true(differ)) noteDoubtful(differ, pair);
}

function noteDoubtful(differ: v128, pair: i32): void {
  const mask = i32x4.bitmask(i32x4.ne(differ, i32x4.splat(0)));
  for (let lane = 0; lane < 4; lane++) {
    if (!(mask & (1 << lane))) continue;
    store<i32>(doubtful + 4 * numDoubtful, pair + 2 * lane);
    numDoubtful++;
  }
}

/**
 * √(−2 ln(u / 2³²)) by −2 ln(1 + r) = −2r + r² − ⅔r³ + ½r⁴ − ⅖r⁵ − … with |r| ≤ 2⁻⁸. Below 2³² the table holds c = 2³²,
 * so that a small logarithm has a small error too.
 * @param at - the address of two addresses of entries
 */
@inline
function radiusOf(u: v128, at: usize): v128 {
  const e0 = v128.load(logTable + load<u32>(at));
  const e1 = v128.load(logTable + load<u32>(at, 8));
  const r = f64x2.sub(f64x2.mul(u, v128.shuffle<u64>(e0, e1, 0, 2)), f64x2.splat(1));
  const r2 = f64x2.mul(r, r);
  const first = f64x2.mul(r, f64x2.sub(r, f64x2.splat(2)));
  const middle = f64x2.add(f64x2.splat(-2.0 / 3), f64x2.mul(r, f64x2.splat(0.5)));
  const rest = f64x2.mul(f64x2.mul(r2, r), f64x2.add(middle, f64x2.mul(r2, f64x2.splat(-0.4))));
  return f64x2.sqrt(f64x2.add(f64x2.add(v128.shuffle<u64>(e0, e1, 1, 3), first), rest));
}

@inline
function rotateX(x: v128, y: v128, d: v128): v128 {
  return f64x2.add(x, f64x2.sub(f64x2.mul(x, cosineLess1(d)), f64x2.mul(y, sineOf(d))));
}

@inline
function rotateY(x: v128, y: v128, d: v128): v128 {
  return f64x2.add(y, f64x2.add(f64x2.mul(y, cosineLess1(d)), f64x2.mul(x, sineOf(d))));
}

/** Of d steps, an angle of at most 2π / 1,024. */
@inline
function sineOf(d: v128): v128 {
  const cubic = f64x2.mul(f64x2.mul(d, d), f64x2.splat((-angle * angle * angle) / 6));
  return f64x2.mul(d, f64x2.add(f64x2.splat(angle), cubic));
}

@inline
function cosineLess1(d: v128): v128 {
  const d2 = f64x2.mul(d, d);
  const quartic = f64x2.mul(d2, f64x2.splat((angle * angle * angle * angle) / 24));
  return f64x2.mul(d2, f64x2.add(f64x2.splat(-0.5 * angle * angle), quartic));
}

@inline
function narrow(low: v128, high: v128): v128 {
  return v128.shuffle<u64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}
