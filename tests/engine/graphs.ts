import { fillNormals, randomStreams } from "../../core/random.ts";
import { Graph, type Tensor } from "../../engine/graph/graph.ts";
import { sizeOf, type TensorData } from "../../engine/graph/tensor.ts";

let numDrawn = 0;

/** Normal numbers, others at every call. */
export function normals(shape: readonly number[], std = 1): TensorData {
  const data = new Float32Array(sizeOf(shape));
  fillNormals({ seed: 7, stream: randomStreams.weights, id: numDrawn++ }, data);
  return { dtype: "float32", shape, data: data.map((value) => value * std) };
}

/** Names of a graph's operators, those of the bodies of loops too. */
export function operators(graph: Graph): string[] {
  return graph.nodes.flatMap(({ op, attributes }) => {
    const bodies = Object.values(attributes).filter((value) => value instanceof Graph);
    return [op.name, ...bodies.flatMap(operators)];
  });
}

/** The graph of a function of images [N, C, H, W]. */
export function graphOf(shape: readonly number[], build: (x: Tensor) => Tensor) {
  const graph = new Graph();
  graph.output("y", build(graph.input("x", "float32", shape)));
  return { graph, feeds: { x: normals(shape) } };
}
