import { Cifar5mError } from "../../core/errors.ts";
import { toFloat16Bits } from "./float16.ts";

/** Element types of tensors. Not every engine supports all of them: tfjs has 32-bit numbers only. */
export type DType = "float32" | "float64" | "float16" | "int64" | "int32" | "uint8" | "bool";

/** The extent of each axis, outermost first. All shapes are known when a graph is built. */
export type Shape = readonly number[];

/** The array that holds a tensor's elements. It stores float16 as raw bits, and bool as 0 and 1. */
export type TensorArray = Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array;

/** A tensor's value, as an executable takes and returns it. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TensorArray;
}

/** The elements in memory of this thread alone, which native libraries need. Elements in shared memory are copied. */
export function unsharedArray(data: TensorArray): TensorArray {
  return data.buffer instanceof SharedArrayBuffer ? data.slice() : data;
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Whether gradients flow through values of this type. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16";
}

/**
 * Wraps plain numbers, or a typed array of what the tensor stores, as a tensor's value.
 * @throws Cifar5mError `engine/wrong-size` unless the shape holds exactly as many elements as the data
 */
export function tensorData(dtype: DType, shape: Shape, data: TensorArray | readonly number[]): TensorData {
  if (data.length !== sizeOf(shape)) {
    throw new Cifar5mError(
      "engine/wrong-size",
      `a tensor of shape [${shape}] holds ${sizeOf(shape)} elements, got ${data.length}. Pass data of that size.`,
    );
  }
  if (!Array.isArray(data)) return { dtype, shape, data: data as TensorArray };
  const numbers = data as readonly number[];
  if (dtype === "float16") return { dtype, shape, data: Uint16Array.from(numbers, toFloat16Bits) };
  if (dtype === "int64") return { dtype, shape, data: BigInt64Array.from(numbers, (value) => BigInt(value)) };
  return { dtype, shape, data: (arrays[dtype] as Float32ArrayConstructor).from(numbers) };
}

/** A tensor of zeros. */
export function zeros(dtype: DType, shape: Shape): TensorData {
  return { dtype, shape, data: new arrays[dtype](sizeOf(shape)) };
}

/** A one-dimensional int64 tensor. */
export function integers(values: readonly number[]): TensorData {
  return tensorData("int64", [values.length], values);
}
