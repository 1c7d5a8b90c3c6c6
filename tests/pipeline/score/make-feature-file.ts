import { writeFile } from "node:fs/promises";
import { cast, concat, type DType, Graph, max, mean, type Shape, writeOnnx } from "../../../engine/index.ts";

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
