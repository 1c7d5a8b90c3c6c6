import { createRequire } from "node:module";
import { fillUniforms } from "../../../core/random.ts";
import type { Tensor } from "../../../engine/graph/graph.ts";
import type { Shape } from "../../../engine/graph/tensor.ts";
import type { TensorFlow, Tensor as TfTensor } from "../../../engine/tfjs/load-tensorflow.ts";

export const tf = createRequire(import.meta.url)("@tensorflow/tfjs") as TensorFlow;
export type { TfTensor };

/** A use of an operation, and the same function in tfjs. */
export interface OpCase {
  readonly name: string;
  readonly shapes: readonly Shape[];
  /** The range of the inputs, [-2, 2] by default. All values of an input differ from each other. */
  readonly range?: readonly [number, number];
  readonly build: (...inputs: Tensor[]) => Tensor;
  readonly reference: (...inputs: TfTensor[]) => TfTensor;
  /**
   * Whether central differences are computed in float32. On the CPU, onnxruntime has no float64 kernels for convolutions,
   * average pooling, resizing and erf. The statistics for second derivatives of `standardize` are float32 too.
   */
  readonly float32Only?: true;
  /** Whether the operation stops gradients, so that they differ from central differences. */
  readonly stopsGradients?: true;
  /** Whether to compare second derivatives too. */
  readonly second?: true;
}

/** The inputs of a case: evenly spaced values of its range in random order, so that no two values are equal. */
export function inputValues({ shapes, range: [low, high] = [-2, 2] }: OpCase): Float64Array[] {
  return shapes.map((shape, input) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const keys = uniforms(size, input);
    const order = Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
    return Float64Array.from(order, (rank) => Math.fround(low + ((rank + 0.37) / size) * (high - low)));
  });
}

/** Random numbers in [0, 1), determined by the id. */
export function uniforms(size: number, id: number): Float64Array {
  const values = new Float64Array(size);
  fillUniforms({ seed: 7, stream: 1, id }, values);
  return values;
}

/** A tensor for which tfjs computes no gradient. */
export function fixed(tensor: TfTensor): TfTensor {
  return tf.tensor(tensor.dataSync(), tensor.shape, tensor.dtype);
}
