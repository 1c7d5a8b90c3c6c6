import { innermostGraph, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { normalizeAxes, requireSameType } from "../graph/shapes.ts";
import { integers } from "../graph/tensor.ts";
import { zerosLike } from "./broadcast.ts";

export const Concat: Operator = {
  name: "Concat",
  vjp: ({ inputs, attributes }, [gradient]) => {
    const axis = attributes["axis"] as number;
    return split(
      gradient!,
      inputs.map(({ shape }) => shape[axis]!),
      axis,
    );
  },
};

/**
 * Joins tensors of one type along an axis. Their other extents must agree.
 * @throws Cifar5mError `engine/no-operand` without tensors; `engine/wrong-shape` unless types and other extents agree
 */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const graph = innermostGraph(tensors);
  const first = tensors[0]!;
  requireSameType("concat", tensors);
  const along = normalizeAxes([axis], first.shape.length)[0]!;
  for (const { shape } of tensors) {
    if (shape.length !== first.shape.length || shape.some((extent, i) => i !== along && extent !== first.shape[i])) {
      throw shapeError("concat", `extents must agree except along axis ${along}`, first.shape, shape);
    }
  }
  if (tensors.length === 1) return first;
  const total = tensors.reduce((extent, { shape }) => extent + shape[along]!, 0);
  const output = { dtype: first.dtype, shape: first.shape.with(along, total) };
  return graph.append(Concat, tensors, { axis: along }, [output])[0]!;
}

export const Split: Operator = {
  name: "Split",
  constantInputs: ({ sizes }) => [integers(sizes as number[])],
  onnxAttributes: ({ axis }) => ({ axis: axis! }),
  vjp: ({ outputs, attributes }, gradients) => {
    const parts = outputs.map((output, index) => gradients[index] ?? zerosLike(output));
    return [concat(parts, attributes["axis"] as number)];
  },
};

/** Splits a tensor along an axis into parts of the given extents. */
export function split(x: Tensor, sizes: readonly number[], axis: number): readonly Tensor[] {
  const along = normalizeAxes([axis], x.shape.length)[0]!;
  if (sizes.reduce((total, extent) => total + extent, 0) !== x.shape[along]) {
    throw shapeError("split", `the parts must add up to the extent of axis ${along}`, x.shape, sizes);
  }
  if (sizes.length === 1) return [x];
  const outputs = sizes.map((extent) => ({ dtype: x.dtype, shape: x.shape.with(along, extent) }));
  return innermostGraph([x]).append(Split, [x], { axis: along, sizes }, outputs);
}
