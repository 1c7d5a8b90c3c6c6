import { Cifar5mError, messageOf } from "../core/errors.ts";
import type { Engine } from "./executor.ts";
import type { Graph } from "./graph/graph.ts";
import { isFloat, sizeOf, type TensorData, tensorData } from "./graph/tensor.ts";
import { runOnce } from "./run-once.ts";

/**
 * Checks a graph with a model made elsewhere by running it once: only the engine knows whether its operators fit together.
 * Float inputs are ones, and integer inputs are zeros.
 * @param label - what errors call the model
 * @returns the outputs of the run
 * @throws Cifar5mError `model/cannot-run`, `model/wrong-result`; `engine/device-missing`, `engine/onnxruntime-only`
 */
export async function probeGraph(engine: Engine, graph: Graph, label: string): Promise<Record<string, TensorData>> {
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, dtype, shape }) => {
      const value = isFloat(dtype) ? 1 : 0;
      return [name, tensorData(dtype, shape, new Array<number>(sizeOf(shape)).fill(value))];
    }),
  );
  const results = await runOnce(engine, graph, feeds).catch((error: unknown) => {
    if (error instanceof Cifar5mError && error.code !== "engine/compile-failed") throw error;
    const reason = messageOf(error).replaceAll(/\s+/g, " ").trim();
    throw new Cifar5mError("model/cannot-run", `${label} cannot be run: ${reason}. Export it again.`, { cause: error });
  });
  for (const [name, { shape }] of graph.outputs) {
    const result = results[name]!;
    if (result.shape.join() !== shape.join()) {
      throw new Cifar5mError(
        "model/wrong-result",
        `${label} must give [${shape}] for ${shape[0]} images, got [${result.shape}]. Correct its description, or export it again.`,
      );
    }
    if (!isFloat(result.dtype) || (result.data as Float32Array).every(Number.isFinite)) continue;
    throw new Cifar5mError(
      "model/wrong-result",
      `${label} must give finite numbers, its first result has others. Check its weights and its description.`,
    );
  }
  return results;
}
