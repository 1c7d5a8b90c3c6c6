import { createRequire } from "node:module";
import { fillUniforms } from "../../../core/random.ts";
import type { Tensor } from "../../../engine/graph/graph.ts";
import type { Shape } from "../../../engine/graph/tensor.ts";
import type { TensorFlow, Tensor as TfTensor } from "../../../engine/tfjs/load-tensorflow.ts";

export const tf = createRequire(import.meta.url)("@tensorflow/tfjs") as TensorFlow;
export type { TfTensor };

/** One way to use one operation, with the same function written in tfjs. */
export interface OpCase {
  readonly name: string;
  readonly shapes: readonly Shape[];
  /** Where the inputs lie; all values of an input differ from one another. [-2, 2] by default. */
  readonly range?: readonly [number, number];
  readonly build: (...inputs: Tensor[]) => Tensor;
  readonly reference: (...inputs: TfTensor[]) => TfTensor;
  /**
   * Central differences are taken in float32: onnxruntime has no float64 kernel for convolutions, average pooling,
   * resizing and erf on the CPU, and gives the statistics that second derivatives of `standardize` use in float32.
   */
  readonly float32Only?: true;
  /** Gradients are stopped on purpose, so that differences do not show them. */
  readonly stopsGradients?: true;
  /** Second derivatives are compared too. */
  readonly second?: true;
}

/** Values of a case's inputs: evenly spaced in its range, in random order, so that nothing ties. */
export function inputValues({ shapes, range: [low, high] = [-2, 2] }: OpCase): Float64Array[] {
  return shapes.map((shape, input) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const keys = uniforms(size, input);
    const order = Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]!);
    return Float64Array.from(order, (rank) => Math.fround(low + ((rank + 0.37) / size) * (high - low)));
  });
}

/** Numbers in [0, 1), the same ones for the same id. */
export function uniforms(size: number, id: number): Float64Array {
  const values = new Float64Array(size);
  fillUniforms({ seed: 7, stream: 1, id }, values);
  return values;
}

/** A tensor of which tfjs takes no gradient. */
export function fixed(tensor: TfTensor): TfTensor {
  return tf.tensor(tensor.dataSync(), tensor.shape, tensor.dtype);
}
