import { integersOf, type Kernels, outputShape, single } from "../kernel.ts";
import type { Tensor, TensorFlow } from "../load-tensorflow.ts";
import { copyView, isPlain, stridesOf, transposed } from "../strided-view.ts";

export const shapeKernels: Kernels = {
  Reshape: single((tf, [x], node) => tf.reshape(x!, outputShape(node))),
  Transpose: single((tf, [x], { attributes }) => transposed(tf, x!, integersOf(attributes, "perm"))),
  Expand: single((tf, [x], node) => tf.broadcastTo(x!, outputShape(node))),
  Concat: single((tf, inputs, { attributes }) => tf.concat([...inputs], attributes["axis"] as number)),
  Split: (tf, [x], { attributes, outputs }) => {
    const axis = attributes["axis"] as number;
    let start = 0;
    return outputs.map(({ shape }) => {
      const steps = shape.map(() => 1);
      const part = slice(tf, x!, shape.map(() => 0).with(axis, start), steps, shape);
      start += shape[axis]!;
      return part;
    });
  },
  Pad: single((tf, [x], { attributes }) => {
    const after = integersOf(attributes, "after");
    const pairs = integersOf(attributes, "before").map((before, axis): [number, number] => [before, after[axis]!]);
    return tf.pad(x!, pairs);
  }),
  Slice: single((tf, [x], node) => {
    const shape = outputShape(node);
    const [starts, axes, steps] = ["starts", "axes", "steps"].map((name) => integersOf(node.attributes, name));
    const begin = shape.map(() => 0);
    const strides = shape.map(() => 1);
    axes!.forEach((axis, index) => {
      begin[axis] = starts![index]!;
      strides[axis] = steps![index]!;
    });
    return slice(tf, x!, begin, strides, shape);
  }),
};

/** Takes `shape` elements, starting at `begin`, `steps` apart along each axis. Negative steps go backward. */
function slice(tf: TensorFlow, x: Tensor, begin: number[], steps: number[], shape: readonly number[]): Tensor {
  if (isPlain(tf)) {
    const strides = stridesOf(x.shape);
    const offset = begin.reduce((position, start, axis) => position + start * strides[axis]!, 0);
    return copyView(tf, x, { shape, strides: strides.map((stride, axis) => stride * steps[axis]!), offset });
  }
  const lowest = begin.map((start, axis) => (steps[axis]! > 0 ? start : start + (shape[axis]! - 1) * steps[axis]!));
  const strides = steps.map(Math.abs);
  const extents = shape.map((count, axis) => (count - 1) * strides[axis]! + 1);
  const range = tf.slice(x, lowest, extents);
  const mirrored = shape.map((_, axis) => axis).filter((axis) => steps[axis]! < 0);
  const ordered = mirrored.length > 0 ? tf.reverse(range, mirrored) : range;
  if (strides.every((stride) => stride === 1)) return ordered;
  return tf.stridedSlice(ordered, Array(shape.length).fill(0), extents, strides);
}
