import { DeviceError } from "./device-error.ts";
import type { Engine } from "./executor.ts";
import { Graph } from "./graph/graph.ts";
import { tensorData } from "./graph/tensor.ts";
import { add } from "./ops/elementwise.ts";
import { runOnce } from "./run-once.ts";

/**
 * Checks that an engine works on its device: runs a small graph and compares the result.
 * @throws Cifar5mError `engine/device-missing`
 */
export async function probeEngine(engine: Engine): Promise<void> {
  const graph = new Graph();
  graph.output("y", add(graph.input("x", "float32", [2]), 1));
  const { y } = await runOnce(engine, graph, { x: tensorData("float32", [2], [1, 2]) });
  const result = String(y?.data);
  if (result === "2,3") return;
  throw new DeviceError(`the ${engine.name} engine`, engine.device, `it computes [1, 2] + 1 = [${result}].`);
}
