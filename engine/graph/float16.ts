const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** The bits of the nearest float16 number. Ties round to even; numbers that are too large become infinite. */
export function toFloat16Bits(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0]!;
  const signBit = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return signBit | 0x7e00;
  if (magnitude >= 0x477ff000) return signBit | 0x7c00;
  if (magnitude >= 0x38800000) return signBit | roundShift(magnitude - 0x38000000, 13);
  if (magnitude < 0x33000000) return signBit;
  const exponent = magnitude >>> 23;
  return signBit | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

function roundShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const rest = value & ((1 << shift) - 1);
  const whole = value >>> shift;
  return rest > half || (rest === half && (whole & 1) === 1) ? whole + 1 : whole;
}

/** The number that the bits of a float16 number represent. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
