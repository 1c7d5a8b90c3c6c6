import type { Engine, Feeds } from "./executor.ts";
import type { Graph } from "./graph/graph.ts";
import type { TensorData } from "./graph/tensor.ts";

/** Compiles a graph, runs it once and releases it. */
export async function runOnce(engine: Engine, graph: Graph, feeds: Feeds): Promise<Record<string, TensorData>> {
  const executable = await engine.compile(graph);
  try {
    return await executable.run(feeds);
  } finally {
    await executable.release();
  }
}
