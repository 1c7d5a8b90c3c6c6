import { appendOne, type Tensor } from "../graph.ts";

/** Gradients of the first operands, of nothing but its arguments: the node may be copied into another graph. */
export type GradientRule<Operands extends readonly Tensor[]> = (
  gradient: Tensor,
  value: Tensor,
  operands: { readonly [Index in keyof Operands]: Tensor },
) => readonly Tensor[];

/**
 * A value whose gradient is given by a rule instead of by the nodes that made it, where algebra saves work.
 * @param value - what the result is
 * @param operands - what the rule gives gradients for, in the same order, and then what else it works with
 * @param options - elementwise: whether rule and value treat each element by itself, so that any layout does; false
 *   by default
 */
export function withGradient<const Operands extends readonly Tensor[]>(
  value: Tensor,
  operands: Operands,
  rule: GradientRule<Operands>,
  { elementwise = false } = {},
): Tensor {
  const op = {
    name: "Identity",
    numOnnxInputs: 1,
    elementwise,
    vjp: (
      { inputs: [same, ...rest] }: { readonly inputs: readonly Tensor[] },
      [gradient]: readonly (Tensor | undefined)[],
    ) => [undefined, ...rule(gradient!, same!, rest as unknown as Parameters<typeof rule>[2])],
  };
  return appendOne(op, [value, ...operands], {}, value.dtype, value.shape);
}
