import type { Precision } from "../executor.ts";
import type { Graph } from "../graph/graph.ts";
import { rewriteHwnc } from "../rewrite/hwnc.ts";
import { rewriteMixedPrecision } from "../rewrite/mixed-precision.ts";
import { rewriteForWebgpu } from "../rewrite/webgpu.ts";

/**
 * Rewrites a graph into the form that is fastest on a kind of device.
 * @param kind - `cpu`, `cuda` or `webgpu`
 */
export function rewriteForDevice(kind: string, precision: Precision, graph: Graph): Graph {
  const runnable = kind === "webgpu" ? rewriteForWebgpu(graph) : graph;
  if (precision === "mixed") return rewriteMixedPrecision(runnable);
  // On other devices, onnxruntime's convolutions are faster than ours.
  return kind === "cpu" ? rewriteHwnc(runnable) : runnable;
}
