import { expect, test } from "vitest";
import { fillNormals, fillUniforms, randomStreams } from "../../core/random.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { cutout } from "../../networks/augment.ts";

const [count, channels, size] = [40, 2, 9];
const fill = [7, 8];

test.each([1, 4, 5, 9])("cutout of side %d fills one whole square of each image, and nothing else", async (side) => {
  const pixels = new Float32Array(count * channels * size ** 2);
  fillNormals({ seed: 1, stream: randomStreams.augmentation, id: 0 }, pixels);
  const uniform = new Float32Array(2 * count);
  fillUniforms({ seed: 1, stream: randomStreams.trainCutout, id: 0 }, uniform);
  // The last square that there is, for the largest random number.
  uniform.set([0, 1 - 2 ** -24]);
  const graph = new Graph();
  const images = graph.constant(tensorData("float32", [count, channels, size, size], pixels));
  const color = graph.constant(tensorData("float32", [1, channels, 1, 1], fill));
  graph.output("cut", cutout(images, side, color, graph.constant(tensorData("float32", [count, 2], uniform))));
  const corners = new Set<number>();
  for (const engine of [onnxruntimeEngine(), await tfjsEngine({ device: "cpu" })]) {
    const { cut } = await (await engine.compile(graph)).run({});
    const expected = pixels.slice();
    for (let image = 0; image < count; image++) {
      const [top, left] = [0, 1].map((axis) => Math.floor(uniform[2 * image + axis]! * (size - side + 1)));
      corners.add(top!).add(left!);
      for (let index = 0; index < channels * side ** 2; index++) {
        const channel = Math.floor(index / side ** 2);
        const row = top! + (Math.floor(index / side) % side);
        expected[((image * channels + channel) * size + row) * size + left! + (index % side)] = fill[channel]!;
      }
    }
    expect(cut!.data).toEqual(expected);
  }
  expect([...corners].sort()).toEqual(Array.from({ length: size - side + 1 }, (_, corner) => corner));
});
