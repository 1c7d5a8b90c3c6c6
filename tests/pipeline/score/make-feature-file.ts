import { writeFile } from "node:fs/promises";
import { Graph } from "../../../engine/graph/graph.ts";
import type { DType, Shape } from "../../../engine/graph/tensor.ts";
import { writeOnnx } from "../../../engine/onnx/write-onnx.ts";
import { concat } from "../../../engine/ops/concat.ts";
import { cast } from "../../../engine/ops/elementwise.ts";
import { max, mean } from "../../../engine/ops/reduce.ts";

/** Writes an ONNX file whose features are the mean and the largest value of each channel: [n, 6]. */
export async function makeFeatureFile(
  path: string,
  options: { readonly dtype?: DType; readonly shape?: Shape; readonly output?: string } = {},
): Promise<void> {
  const { dtype = "float32", shape = [4, 3, 32, 32], output = "features" } = options;
  const graph = new Graph();
  const images = cast(graph.input("images", dtype, shape), "float32");
  const axes = shape[1] === 3 ? [2, 3] : [1, 2];
  graph.output(output, concat([mean(images, { axes }), max(images, { axes })], 1));
  await writeFile(path, writeOnnx(graph));
}
