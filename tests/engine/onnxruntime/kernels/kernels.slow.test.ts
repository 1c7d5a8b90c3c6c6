import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Graph } from "../../../../engine/graph/graph.ts";
import { readOnnx } from "../../../../engine/onnx/read-onnx.ts";
import { writeOnnx } from "../../../../engine/onnx/write-onnx.ts";
import { loadOnnxruntime, onnxruntimeVersion } from "../../../../engine/onnxruntime/load-onnxruntime.ts";
import { rewriteForDevice } from "../../../../engine/onnxruntime/rewrite-for-device.ts";
import { gpuGraphs } from "./gpu-graphs.ts";
import { type NodeKind, nodesOf } from "./node-kinds.ts";

/** Which GPU providers of onnxruntime have a kernel for each kind of node. CONTRIBUTING.md says how it is measured. */
const table = JSON.parse(readFileSync(new URL("gpu-kernels.json", import.meta.url), "utf8")) as {
  readonly onnxruntime: string;
  readonly opset: number;
  readonly kernels: Readonly<Record<NodeKind, readonly string[]>>;
};

/** WebGPU has no 64-bit integers. */
const fewIntegers = "the indices and classes of a batch, some hundred bytes that come from the CPU";
/** What runs on the CPU although the device is another one, and why that is good enough. */
const onTheCpu: Readonly<Record<string, Readonly<Record<NodeKind, string>>>> = {
  cuda: {},
  webgpu: {
    "Loop int64 bool float32 > float32":
      "the provider has no Loop; what it carries goes through the CPU between iterations, as it does between runs",
    "Gather int64 > int64": fewIntegers,
    "Reshape int64 > int64": fewIntegers,
    "Equal int64 > bool": fewIntegers,
    "Where bool int64 > int64": fewIntegers,
    "Identity bool > bool": "the flag with which a loop goes on, and the flag of finite images: one byte",
    "Identity uint8 > uint8": "finished images, which leave the device anyway",
  },
};

test("the table of kernels belongs to the version and the opset that graphs are run with", async () => {
  const ort = await loadOnnxruntime();
  expect(table.onnxruntime).toBe(onnxruntimeVersion);
  expect(table.onnxruntime).toBe(ort.env.versions.node ?? ort.env.versions.common);
  const graph = new Graph();
  graph.output("y", graph.input("x", "float32", [1]));
  expect(readOnnx(writeOnnx(graph), "a graph").opset).toBe(table.opset);
});

test.each(["float32", "mixed"] as const)(
  "every node of every graph in %s has a kernel on CUDA and WebGPU, or a reason for the CPU",
  async (precision) => {
    const homeless = new Set<string>();
    const reasonsUsed = { cuda: new Set<NodeKind>(), webgpu: new Set<NodeKind>() };
    for await (const { name, graph } of gpuGraphs(precision === "mixed")) {
      for (const device of ["cuda", "webgpu"] as const) {
        for (const { kind } of nodesOf(rewriteForDevice(device, precision, graph))) {
          if (table.kernels[kind]?.includes(device)) continue;
          if (kind in onTheCpu[device]!) reasonsUsed[device].add(kind);
          else homeless.add(`${device} has no kernel for ${kind} of: ${name}`);
        }
      }
    }
    expect([...homeless]).toEqual([]);
    for (const device of ["cuda", "webgpu"] as const) {
      expect([...reasonsUsed[device]].sort()).toEqual(Object.keys(onTheCpu[device]!).sort());
    }
  },
);
