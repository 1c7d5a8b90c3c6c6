import { Cifar5mError } from "../../core/errors.ts";
import { type DType, type TensorArray, type TensorData, unsharedArray } from "../graph/tensor.ts";
import type { Tensor, TensorFlow } from "./load-tensorflow.ts";

const maxInteger = 2n ** 31n;

/**
 * The type that tfjs uses for one of our types. All integers have 32 bits.
 * @throws Cifar5mError `engine/unsupported-type` for float64 and float16
 */
export function tfType(dtype: DType): "float32" | "int32" | "bool" {
  if (dtype === "float64" || dtype === "float16") {
    throw new Cifar5mError(
      "engine/unsupported-type",
      `the tfjs engine computes in float32 only, the graph has a ${dtype} tensor. Use --engine onnxruntime, or float32.`,
    );
  }
  return dtype === "float32" || dtype === "bool" ? dtype : "int32";
}

/** @throws Cifar5mError `engine/out-of-range` for an int64 that does not fit in 32 bits */
export function toTensor(tf: TensorFlow, { dtype, shape, data }: TensorData): Tensor {
  return tf.tensor(toTfArray(data), [...shape], tfType(dtype));
}

function toTfArray(data: TensorArray): Float32Array | Int32Array | Uint8Array {
  if (data instanceof BigInt64Array) {
    return Int32Array.from(data, (value) => {
      if (value >= maxInteger || value < -maxInteger) {
        throw new Cifar5mError(
          "engine/out-of-range",
          `the tfjs engine holds integers in 32 bits, got ${value}. Use --engine onnxruntime.`,
        );
      }
      return Number(value);
    });
  }
  return unsharedArray(data) as Float32Array | Int32Array | Uint8Array;
}

/** Copies a tensor's elements into an array of the type that the graph declares. */
export function fromTensor(tensor: Tensor, dtype: DType): TensorData {
  const data = tensor.dataSync() as Float32Array | Int32Array | Uint8Array;
  return { dtype, shape: tensor.shape, data: fromTfArray(data, dtype) };
}

function fromTfArray(data: Float32Array | Int32Array | Uint8Array, dtype: DType): TensorArray {
  if (dtype === "int64") return BigInt64Array.from(data, (value) => BigInt(value));
  if (dtype === "uint8" || dtype === "bool") return Uint8Array.from(data);
  return data.slice();
}
