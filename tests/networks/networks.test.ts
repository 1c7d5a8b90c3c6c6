import { expect, test } from "vitest";
import { fillNormals, fillUniforms } from "../../core/random.ts";
import { Graph, type Tensor } from "../../engine/graph.ts";
import { surveyNetwork } from "../../engine/index.ts";
import { constantScope } from "../../engine/inference.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime-engine.ts";
import { namedParts, type Scope, totalSize } from "../../engine/parameters.ts";
import { type Shape, sizeOf, type TensorData, tensorData } from "../../engine/tensor.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { flipWhere, randomTranslation } from "../../networks/augment.ts";
import { resnet } from "../../networks/resnet.ts";
import { channelsToPatches, patchesToChannels, unet } from "../../networks/unet.ts";

type Build = (scope: Scope, graph: Graph) => Tensor;

function random(shape: Shape, id: number, kind: "normal" | "uniform" = "normal"): TensorData {
  const data = new Float32Array(sizeOf(shape));
  (kind === "normal" ? fillNormals : fillUniforms)({ seed: 9, stream: 6, id }, data);
  return { dtype: "float32", shape, data };
}

/** The output of a network with random weights (none of them zero) on both engines. */
async function onBothEngines(build: Build): Promise<[Float32Array, Float32Array]> {
  const { parameters, states } = surveyNetwork(build);
  const specs = [...parameters, ...states];
  const values = random([totalSize(specs)], 1).data as Float32Array;
  const weights = namedParts(
    specs,
    values.map((value) => 0.2 * value),
  );
  for (const [name, { data }] of weights)
    if (name.endsWith("variance")) data.set(data.map((value) => 0.5 + value ** 2));
  const graph = new Graph();
  graph.output("result", build(constantScope(graph, weights), graph));
  const results = [];
  for (const engine of [onnxruntimeEngine(), await tfjsEngine({ device: "cpu" })]) {
    const executable = await engine.compile(graph);
    results.push((await executable.run({}))["result"]!.data as Float32Array);
    await executable.release();
  }
  return results as [Float32Array, Float32Array];
}

function expectAgreement([ours, oracle]: [Float32Array, Float32Array]): void {
  const scale = ours.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const deviation = ours.reduce((largest, value, index) => Math.max(largest, Math.abs(value - oracle[index]!)), 0);
  expect(Math.max(...ours) - Math.min(...ours)).toBeGreaterThan(0.01);
  expect(deviation / scale).toBeLessThan(1e-4);
}

test.each([0, 10])("a tiny U-Net with %d classes gives the same images on both engines to 1e-4", async (numClasses) => {
  const options = {
    channels: 8,
    multipliers: [1, 2],
    blocks: 1,
    attentionResolutions: [4],
    patch: 2,
    numClasses,
    dropout: 0,
  };
  const build: Build = (scope, graph) => {
    const classes = numClasses === 0 ? undefined : graph.constant(tensorData("int64", [2], [3, 10]));
    return unet(scope, graph.constant(random([2, 3, 16, 16], 2)), graph.constant(random([2], 3)), classes, options);
  };
  expectAgreement(await onBothEngines(build));
});

test.each(["relu", "silu", "gelu"] as const)(
  "a tiny ResNet with %s gives the same logits on both engines to 1e-4",
  async (activation) => {
    const options = { widths: [4, 6], numClasses: 10, activation, logitScale: 1 / 8 };
    expectAgreement(
      await onBothEngines((scope, graph) => resnet(scope, graph.constant(random([2, 3, 16, 16], 4)), options)),
    );
  },
);

test("patches become channels and come back", async () => {
  const graph = new Graph();
  const images = random([2, 3, 8, 8], 5);
  const x = graph.constant(images);
  const channels = patchesToChannels(x, 2);
  expect(channels.shape).toEqual([2, 12, 4, 4]);
  graph.output("back", channelsToPatches(channels, 2));
  const { back } = await (await onnxruntimeEngine().compile(graph)).run({});
  expect(back!.data).toEqual(images.data);
});

test("flips mirror the chosen images, translations move each by its own whole number of pixels and reflect the border", async () => {
  const [count, size, reach] = [6, 5, 2];
  const images = random([count, 1, size, size], 6);
  const uniform = random([count, 2], 7, "uniform");
  const flipped = [1, 0, 1, 1, 0, 0];
  const graph = new Graph();
  const x = graph.constant(images);
  graph.output("flipped", flipWhere(x, graph.constant(tensorData("bool", [count], flipped))));
  graph.output("moved", randomTranslation(x, reach, graph.constant(uniform)));
  const results = await (await onnxruntimeEngine().compile(graph)).run({});
  const reflect = (place: number) => (place < 0 ? -place : place >= size ? 2 * (size - 1) - place : place);
  for (let image = 0; image < count; image++) {
    const [down, right] = [0, 1].map((axis) => Math.floor((uniform.data[2 * image + axis] as number) * 5) - reach);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const place = (image * size + row) * size + column;
        const source = (y: number, z: number) => images.data[(image * size + y) * size + z];
        expect(results["flipped"]!.data[place]).toBe(source(row, flipped[image] === 1 ? size - 1 - column : column));
        expect(results["moved"]!.data[place]).toBeCloseTo(
          source(reflect(row + down!), reflect(column + right!)) as number,
          5,
        );
      }
    }
  }
});
