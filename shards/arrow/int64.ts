/**
 * int64 columns are Float64Array in memory: our ids are below 2⁵³, and numbers are faster and easier to use than
 * bigints.
 */

import { Cifar5mError } from "../../core/errors.ts";
import type { IntegerArray } from "./table-schema.ts";

const twoToThe32 = 4294967296;

/**
 * @param column - named in errors
 * @throws Cifar5mError `table/not-an-integer` unless every value is an integer below 2⁵³ in magnitude
 */
export function toInt64(values: IntegerArray, column: string): BigInt64Array {
  const out = new BigInt64Array(values.length);
  const words = new Int32Array(out.buffer);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isSafeInteger(value)) {
      throw new Cifar5mError(
        "table/not-an-integer",
        `${column}[${index}] must be an integer below 2^53 in magnitude, got ${value}. Pass whole numbers.`,
      );
    }
    words[2 * index] = value | 0;
    words[2 * index + 1] = Math.floor(value / twoToThe32);
  }
  return out;
}

/**
 * @param values - int64, shape [R]
 * @param column - named in errors
 * @param origin.path - the file, named in errors
 * @param origin.firstRow - its row that the first value is of
 * @returns float64, shape [R], exact
 * @throws Cifar5mError `table/not-an-integer` for a value of 2⁵³ or more in magnitude
 */
export function fromInt64(
  values: BigInt64Array,
  column: string,
  origin: { readonly path: string; readonly firstRow: number },
): Float64Array {
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * values.length);
  const out = new Float64Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const value = words[2 * index + 1]! * twoToThe32 + (words[2 * index]! >>> 0);
    if (!Number.isSafeInteger(value)) {
      throw new Cifar5mError(
        "table/not-an-integer",
        `${column}[${origin.firstRow + index}] of ${origin.path} must be below 2^53 in magnitude, got ${values[index]}. ` +
          "Build the file again with this release.",
      );
    }
    out[index] = value;
  }
  return out;
}
