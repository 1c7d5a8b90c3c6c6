import { appendOne, type Tensor } from "../graph.ts";

/**
 * A value whose gradient is given by a rule instead of by the nodes that made it, where algebra saves work.
 * @param value - what the result is
 * @param inputs - what the rule gives gradients for, in the same order
 */
export function withGradient(
  value: Tensor,
  inputs: readonly Tensor[],
  rule: (gradient: Tensor) => readonly Tensor[],
): Tensor {
  const op = {
    name: "Identity",
    numOnnxInputs: 1,
    vjp: (_node: unknown, [gradient]: readonly (Tensor | undefined)[]) => [undefined, ...rule(gradient!)],
  };
  return appendOne(op, [value, ...inputs], {}, value.dtype, value.shape);
}
