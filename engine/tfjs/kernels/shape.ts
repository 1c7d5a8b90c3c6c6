import { integersOf, type Kernels, outputShape, single } from "../kernel.ts";

export const shapeKernels: Kernels = {
  Reshape: single((tf, [x], node) => tf.reshape(x!, outputShape(node))),
  Transpose: single((tf, [x], { attributes }) => tf.transpose(x!, integersOf(attributes, "perm"))),
  Expand: single((tf, [x], node) => tf.broadcastTo(x!, outputShape(node))),
  Concat: single((tf, inputs, { attributes }) => tf.concat([...inputs], attributes["axis"] as number)),
  Split: (tf, [x], { attributes }) => tf.split(x!, integersOf(attributes, "sizes"), attributes["axis"] as number),
  Pad: single((tf, [x], { attributes }) => {
    const after = integersOf(attributes, "after");
    const pairs = integersOf(attributes, "before").map((before, axis): [number, number] => [before, after[axis]!]);
    return tf.pad(x!, pairs);
  }),
  // The range first, then mirroring, then every n-th element: each of them is faster than a general strided slice.
  Slice: single((tf, [x], node) => {
    const shape = outputShape(node);
    const [starts, axes, steps] = ["starts", "axes", "steps"].map((name) => integersOf(node.attributes, name));
    const begin = shape.map(() => 0);
    const strides = shape.map(() => 1);
    axes!.forEach((axis, index) => {
      const step = steps![index]!;
      begin[axis] = step > 0 ? starts![index]! : starts![index]! + (shape[axis]! - 1) * step;
      strides[axis] = Math.abs(step);
    });
    const extents = shape.map((count, axis) => (count - 1) * strides[axis]! + 1);
    const mirrored = axes!.filter((_, index) => steps![index]! < 0);
    let result = tf.slice(x!, begin, extents);
    if (mirrored.length > 0) result = tf.reverse(result, mirrored);
    if (strides.every((stride) => stride === 1)) return result;
    return tf.stridedSlice(
      result,
      shape.map(() => 0),
      extents,
      strides,
    );
  }),
};
