import { Graph, type Node } from "../../../../engine/graph/graph.ts";
import { neededNodes } from "../../../../engine/graph/needed-nodes.ts";
import type { DType } from "../../../../engine/graph/tensor.ts";

/** Nodes that onnxruntime looks up the same kernel for: an operator and its element types, such as `Cast bool > float32`. */
export type NodeKind = string;

/** A kind, and one node of it as an example. Outputs of a graph are written as `Identity`, for which there is no node. */
export interface KindOfNode {
  readonly kind: NodeKind;
  readonly node?: Node;
  readonly outputs: readonly DType[];
}

/** Every node that is written for a graph, those of loop bodies and branches included. */
export function* nodesOf(graph: Graph): Generator<KindOfNode> {
  for (const node of neededNodes(graph).nodes) {
    const { op, inputs, outputs, attributes } = node;
    const constants = op.constantInputs?.(attributes, inputs[0]!.dtype) ?? [];
    const taken = [...inputs.slice(0, op.numOnnxInputs), ...constants].flatMap((value) => value?.dtype ?? []);
    const made = outputs.map(({ dtype }) => dtype);
    yield { kind: kindOf(op.name, taken, made), node, outputs: made };
    for (const attribute of Object.values(attributes)) if (attribute instanceof Graph) yield* nodesOf(attribute);
  }
  // Results of a body are mostly its nodes, but what passes through unchanged needs an Identity too.
  for (const { dtype } of graph.outputs.values())
    yield { kind: kindOf("Identity", [dtype], [dtype]), outputs: [dtype] };
}

/** Types are named once each: a `Concat` of 3 and one of 50 tensors have the same kernel. */
export function kindOf(operator: string, inputs: readonly DType[], outputs: readonly DType[]): NodeKind {
  const names = (dtypes: readonly DType[]) => [...new Set(dtypes)].join(" ");
  return `${operator} ${names(inputs)} > ${names(outputs)}`;
}
