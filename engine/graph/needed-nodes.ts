import { Graph, type Node } from "./graph.ts";

/** The nodes that the outputs of a graph depend on, in order, and the names of all values that they use. */
export function neededNodes(graph: Graph): { readonly nodes: readonly Node[]; readonly names: ReadonlySet<string> } {
  const names = new Set([...graph.outputs.values()].map(({ name }) => name));
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(({ name }) => names.has(name))) continue;
    kept.push(node);
    for (const { name } of node.inputs) names.add(name);
    for (const attribute of Object.values(node.attributes)) {
      if (attribute instanceof Graph) for (const name of neededNodes(attribute).names) names.add(name);
    }
  }
  return { nodes: kept.reverse(), names };
}
