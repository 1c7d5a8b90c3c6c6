/**
 * Asks the installed onnxruntime which kinds of nodes it has kernels for, and prints them as JSON:
 * `node --import tsx tests/engine/onnxruntime/kernels/probe-kernels.ts webgpu`. It runs nothing, it only creates sessions.
 */

import { fileURLToPath } from "node:url";
import type { InferenceSession } from "onnxruntime-node";
import { Graph, type Node, type Tensor } from "../../../../engine/graph/graph.ts";
import { ModelProto } from "../../../../engine/onnx/onnx-schema.ts";
import { writeOnnx } from "../../../../engine/onnx/write-onnx.ts";
import { loadOnnxruntime } from "../../../../engine/onnxruntime/load-onnxruntime.ts";
import { rewriteForDevice } from "../../../../engine/onnxruntime/rewrite-for-device.ts";
import { branch } from "../../../../engine/ops/branch.ts";
import { equal } from "../../../../engine/ops/elementwise.ts";
import { loop } from "../../../../engine/ops/loop.ts";
import { gpuGraphs } from "./gpu-graphs.ts";
import { type KindOfNode, nodesOf } from "./node-kinds.ts";

/** One node of each kind in the graphs, before and after they are rewritten for GPUs. */
async function exampleNodes(): Promise<Map<string, KindOfNode>> {
  const examples = new Map<string, KindOfNode>();
  for (const precision of ["float32", "mixed"] as const) {
    for await (const { graph } of gpuGraphs(precision === "mixed")) {
      for (const example of nodesOf(rewriteForDevice("cuda", precision, graph))) {
        if (!examples.has(example.kind)) examples.set(example.kind, example);
      }
    }
  }
  return examples;
}

/** Whether a session with this node alone can be created without the CPU. */
async function hasKernel(example: KindOfNode, device: string): Promise<boolean> {
  const ort = await loadOnnxruntime();
  let session: InferenceSession;
  try {
    session = await ort.InferenceSession.create(modelOf(example), {
      executionProviders: [device],
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 4,
      extra: { session: { disable_cpu_ep_fallback: "1" } },
    });
  } catch (error) {
    if (/fallback to CPU EP has been explicitly disabled/.test(String(error))) return false;
    throw new Error(`${example.kind}: ${String(error)}`, { cause: error });
  }
  await session.release();
  return true;
}

function modelOf({ node, outputs: [dtype] }: KindOfNode): Uint8Array {
  const graph = new Graph();
  if (node === undefined) graph.output("y0", graph.input("x", dtype!, [4]));
  else for (const [index, tensor] of copyOf(node, graph).entries()) graph.output(`y${index}`, tensor);
  const bytes = writeOnnx(graph);
  return node === undefined ? bytes : withoutRenaming(bytes);
}

function copyOf({ op, inputs, outputs, attributes }: Node, graph: Graph): readonly Tensor[] {
  const copies = inputs.map(({ dtype, shape }, index) => graph.input(`x${index}`, dtype, shape));
  if (op.name === "Loop")
    return loop(copies[0]!, 10, copies.slice(2, 3), (_, __, carried) => ({ carried, collected: [] })).carried;
  if (op.name === "If") {
    const { dtype, shape } = outputs[0]!;
    return [
      branch(
        copies[0]!,
        [graph.input("x", dtype, shape)],
        (x) => x!,
        (x) => x!,
      ),
    ];
  }
  return graph.append(op, copies, attributes, outputs);
}

/** A model whose outputs are those of its nodes, without an `Identity` that gives them their names. */
function withoutRenaming(bytes: Uint8Array): Uint8Array {
  const model = ModelProto.decode(bytes) as unknown as {
    graph: { node: { op_type: string; input: string[] }[]; output: { name: string }[] };
  };
  const { node, output } = model.graph;
  node.splice(-output.length).forEach(({ input }, index) => {
    output[index]!.name = input[0]!;
  });
  return ModelProto.encode(model).finish();
}

/** A kind that no GPU provider has a kernel for. If onnxruntime claims one, the probe does not work. */
function controlNode(): KindOfNode {
  const graph = new Graph();
  graph.output("y", equal(graph.input("a", "uint8", [4]), graph.input("b", "uint8", [4])));
  return [...nodesOf(graph)][0]!;
}

/** Whether the installed onnxruntime has a kernel for each kind of node in our graphs, by kind, in order. */
export async function probeKernels(device: string): Promise<Record<string, boolean>> {
  if (await hasKernel(controlNode(), device)) throw new Error(`${device} claims a kernel for what it cannot do`);
  const kinds: Record<string, boolean> = {};
  const examples = [...(await exampleNodes())].sort(([left], [right]) => (left < right ? -1 : 1));
  for (const [kind, example] of examples) kinds[kind] = await hasKernel(example, device);
  return kinds;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await probeKernels(process.argv[2] ?? "webgpu")));
}
