import { appendOne, type RuleKind, type Tensor } from "../graph/graph.ts";

/**
 * Computes the gradients of the first operands. A rule may use its arguments only, because a rewrite may copy the node
 * into another graph.
 */
export type GradientRule<Operands extends readonly Tensor[]> = (
  gradient: Tensor,
  value: Tensor,
  operands: { readonly [Index in keyof Operands]: Tensor },
) => readonly Tensor[];

/**
 * Replaces the gradient of a value by a custom rule, which may need less work than differentiating the nodes that
 * compute the value.
 * @param operands - first the tensors that the rule computes gradients for, in the same order; then others that it uses
 * @param kind - what a rewrite may do with value and rule; by default it keeps both as they are
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
