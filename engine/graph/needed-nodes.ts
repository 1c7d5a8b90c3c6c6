import { Graph, type Node } from "./graph.ts";

/** The nodes that the outputs of a graph depend on, in order, and the names of all values that they use. */
export function neededNodes(graph: Graph): { readonly nodes: readonly Node[]; readonly names: ReadonlySet<string> } {
  const names = new Set([...graph.outputs.values()].map(({ name }) => name));
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some(({ name }) => names.has(name))) continue;
    kept.push(node);
    for (const { name } of node.inputs) names.add(name);
    for (const name of bodyNames(node)) names.add(name);
  }
  return { nodes: kept.reverse(), names };
}

/** The names of the values that the bodies of a node use, including those of the graphs around them. */
export function bodyNames({ attributes }: Node): readonly string[] {
  const bodies = Object.values(attributes).filter((value) => value instanceof Graph);
  return bodies.flatMap((body) => [...neededNodes(body).names]);
}
