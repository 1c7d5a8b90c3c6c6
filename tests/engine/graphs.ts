import { fillNormals, randomStreams } from "../../core/random.ts";
import { Graph, type Tensor } from "../../engine/graph/graph.ts";
import { sizeOf, type TensorData } from "../../engine/graph/tensor.ts";

let numDrawn = 0;

/** Normal random numbers, different ones at every call. */
export function normals(shape: readonly number[], std = 1): TensorData {
  const data = new Float32Array(sizeOf(shape));
  fillNormals({ seed: 7, stream: randomStreams.weights, id: numDrawn++ }, data);
  return { dtype: "float32", shape, data: data.map((value) => value * std) };
}

/** The names of the operators of a graph, including those in loop bodies. */
export function operators(graph: Graph): string[] {
  return graph.nodes.flatMap(({ op, attributes }) => {
    const bodies = Object.values(attributes).filter((value) => value instanceof Graph);
    return [op.name, ...bodies.flatMap(operators)];
  });
}

/** Builds the graph of a function of images [N, C, H, W]. */
export function graphOf(shape: readonly number[], build: (x: Tensor) => Tensor) {
  const graph = new Graph();
  graph.output("y", build(graph.input("x", "float32", shape)));
  return { graph, feeds: { x: normals(shape) } };
}
