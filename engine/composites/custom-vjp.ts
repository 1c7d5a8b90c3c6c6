import { appendOne, type RuleKind, type Tensor } from "../graph/graph.ts";

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
 * @param kind - what else a rewrite may do with value and rule; by default it keeps both as they are
 */
export function customVjp<const Operands extends readonly Tensor[]>(
  value: Tensor,
  operands: Operands,
  rule: GradientRule<Operands>,
  kind?: RuleKind,
): Tensor {
  const op = {
    name: "Identity",
    numOnnxInputs: 1,
    rule: kind,
    vjp: (
      { inputs: [same, ...rest] }: { readonly inputs: readonly Tensor[] },
      [gradient]: readonly (Tensor | undefined)[],
    ) => [undefined, ...rule(gradient!, same!, rest as unknown as Parameters<typeof rule>[2])],
  };
  return appendOne(op, [value, ...operands], {}, value.dtype, value.shape);
}
