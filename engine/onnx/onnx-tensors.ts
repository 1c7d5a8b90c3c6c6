import { Cifar5mError } from "../../core/errors.ts";
import { type DType, sizeOf, type TensorData, tensorData } from "../graph/tensor.ts";
import type { OnnxTensor } from "./onnx-schema.ts";

/** Element types by their number in onnx.proto: name, bytes per element, and the type in our graphs if there is one. */
const elementTypes: Readonly<
  Record<number, { readonly name: string; readonly bytes: number; readonly dtype?: DType }>
> = {
  1: { name: "float32", bytes: 4, dtype: "float32" },
  2: { name: "uint8", bytes: 1, dtype: "uint8" },
  3: { name: "int8", bytes: 1 },
  4: { name: "uint16", bytes: 2 },
  5: { name: "int16", bytes: 2 },
  6: { name: "int32", bytes: 4, dtype: "int32" },
  7: { name: "int64", bytes: 8, dtype: "int64" },
  9: { name: "bool", bytes: 1, dtype: "bool" },
  10: { name: "float16", bytes: 2, dtype: "float16" },
  11: { name: "float64", bytes: 8, dtype: "float64" },
  12: { name: "uint32", bytes: 4 },
  13: { name: "uint64", bytes: 8 },
  16: { name: "bfloat16", bytes: 2 },
};

/** The name of a `data_type` or `elem_type` in onnx.proto. */
export function elementTypeName(elementType: number): string {
  return elementTypes[elementType]?.name ?? `type ${elementType}`;
}

/**
 * Checks that the data of a tensor is in the file, has the size that its shape says, and holds no NaN.
 * @param label - what errors call the model
 * @throws Cifar5mError `model/external-data`, `model/corrupt`, `model/not-finite`
 */
export function requireValidTensor(tensor: OnnxTensor, label: string): void {
  const { name, data_type: elementType, raw_data: raw } = tensor;
  if (tensor.data_location !== 0 || tensor.external_data.length > 0) {
    throw new Cifar5mError(
      "model/external-data",
      `${label} must hold its weights, "${name}" lies in another file. Save it as one file: onnx.save_model(onnx.load(FILE), FILE).`,
    );
  }
  const bytes = elementTypes[elementType]?.bytes;
  if (bytes === undefined) return;
  const dimensions = dimensionsOf(tensor);
  const size = dimensions.some((extent) => extent < 0) ? Number.NaN : sizeOf(dimensions);
  const found = raw.length > 0 ? raw.length / bytes : valuesOf(tensor).length;
  if (found !== size) {
    throw new Cifar5mError(
      "model/corrupt",
      `${label}: "${name}" of shape [${dimensions}] must have ${size} elements, got ${found}. Export it again.`,
    );
  }
  const index = indexOfNaN(tensor);
  if (index < 0) return;
  throw new Cifar5mError(
    "model/not-finite",
    `${label}: "${name}" must hold numbers, element ${index} of ${size} is NaN. Export a checkpoint from before it diverged.`,
  );
}

/** A tensor's value, or undefined if our graphs do not support its type. */
export function decodeOnnxTensor(tensor: OnnxTensor): TensorData | undefined {
  const dtype = elementTypes[tensor.data_type]?.dtype;
  if (dtype === undefined) return undefined;
  const shape = dimensionsOf(tensor);
  const { raw_data: raw } = tensor;
  if (raw.length === 0) {
    if (dtype === "int64") {
      const values = BigInt64Array.from(tensor.int64_data, (value) => BigInt(value.toString()));
      return { dtype, shape, data: values };
    }
    const values = valuesOf(tensor) as readonly number[];
    // The fields hold the bits of float16 numbers.
    return tensorData(dtype, shape, dtype === "float16" ? Uint16Array.from(values) : values);
  }
  const array = tensorData(dtype, [0], []).data.constructor as Float32ArrayConstructor;
  // A copy, because raw data need not be aligned in the file.
  return { dtype, shape, data: new array(new Uint8Array(raw).buffer) };
}

function dimensionsOf({ dims }: OnnxTensor): number[] {
  return dims.map((extent) => extent.toNumber());
}

/** The values of a tensor that has no raw data. */
function valuesOf(tensor: OnnxTensor): readonly unknown[] {
  const { data_type: elementType } = tensor;
  if (elementType === 1) return tensor.float_data;
  if (elementType === 7) return tensor.int64_data;
  if (elementType === 11) return tensor.double_data;
  if (elementType === 12 || elementType === 13) return tensor.uint64_data;
  return tensor.int32_data;
}

function indexOfNaN(tensor: OnnxTensor): number {
  const largestBits = { 10: 0x7c00, 16: 0x7f80 }[tensor.data_type];
  if (largestBits === undefined && tensor.data_type !== 1 && tensor.data_type !== 11) return -1;
  const { raw_data: raw } = tensor;
  if (largestBits !== undefined) {
    const bits = raw.length === 0 ? tensor.int32_data : new Uint16Array(new Uint8Array(raw).buffer);
    return bits.findIndex((value) => (value & 0x7fff) > largestBits);
  }
  const { data } = decodeOnnxTensor(tensor)!;
  return (data as Float32Array).findIndex(Number.isNaN);
}
