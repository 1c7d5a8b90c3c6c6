import { expect, test } from "vitest";
import { fillNormals, fillUniforms } from "../../core/random.ts";
import { Graph, type Tensor } from "../../engine/graph/graph.ts";
import { type Shape, sizeOf, type TensorData, tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { constantScope } from "../../engine/parameters/constant-scope.ts";
import { initialParameters, type Scope, totalSize, unflattenParameters } from "../../engine/parameters/parameters.ts";
import { inputName, traceParameters } from "../../engine/parameters/trace-parameters.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import { flipWhere, randomTranslation } from "../../networks/augment.ts";
import { channelsToPatches, patchesToChannels } from "../../networks/patches.ts";
import { resnet } from "../../networks/resnet.ts";
import { unet } from "../../networks/unet.ts";

type Build = (scope: Scope, graph: Graph) => Tensor;

function random(shape: Shape, id: number, kind: "normal" | "uniform" = "normal"): TensorData {
  const data = new Float32Array(sizeOf(shape));
  (kind === "normal" ? fillNormals : fillUniforms)({ seed: 9, stream: 6, id }, data);
  return { dtype: "float32", shape, data };
}

/** The output of a network on both engines. Its weights are random and not zero. */
async function onBothEngines(build: Build): Promise<[Float32Array, Float32Array]> {
  const { parameters, states } = traceParameters(build);
  const specs = [...parameters, ...states];
  const values = random([totalSize(specs)], 1).data as Float32Array;
  const weights = unflattenParameters(
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
  const std = ours.reduce((largest, value, index) => Math.max(largest, Math.abs(value - oracle[index]!)), 0);
  expect(Math.max(...ours) - Math.min(...ours)).toBeGreaterThan(0.01);
  expect(std / scale).toBeLessThan(1e-4);
}

const small = { channels: 8, multipliers: [1, 2], blocks: 1, patch: 2, numClasses: 0, dropout: 0 } as const;

test("a network that is called twice in one graph, as for guidance, holds its weights once", () => {
  const options = { ...small, attentionResolutions: [4], normalization: "magnitudes" } as const;
  const call: Build = (scope, graph) =>
    unet(scope, graph.constant(random([1, 3, 16, 16], 2)), graph.constant(random([1], 3)), undefined, options);
  const { parameters } = traceParameters(call);
  const weights = unflattenParameters(parameters, random([totalSize(parameters)], 1).data as Float32Array);
  const graph = new Graph();
  const bytesAfterCall = () => {
    call(constantScope(graph, weights), graph);
    return [...graph.constants.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  };
  const once = bytesAfterCall();
  // Inputs and frequencies are constants of each call.
  expect(bytesAfterCall() - once).toBeLessThan(0.02 * once);
});

test.each(["groups", "magnitudes"] as const)(
  "channels that 64 does not divide have heads that divide them, %s",
  (normalization) => {
    const options = { ...small, channels: 100, attentionResolutions: [8], normalization };
    const { parameters } = traceParameters((scope, graph) =>
      unet(scope, graph.constant(random([1, 3, 32, 32], 2)), graph.constant(random([1], 3)), undefined, options),
    );
    for (const { name, shape } of parameters) expect(shape.every(Number.isInteger), name).toBe(true);
  },
);

test.each([
  [0, "groups"],
  [10, "groups"],
  [10, "magnitudes"],
] as const)(
  "a tiny U-Net with %d classes and normalization of %s gives the same images on both engines to 1e-4",
  async (numClasses, normalization) => {
    const options = {
      channels: 8,
      multipliers: [1, 2],
      blocks: 1,
      attentionResolutions: [4],
      patch: 2,
      numClasses,
      normalization,
      dropout: 0,
    };
    const build: Build = (scope, graph) => {
      const classes = numClasses === 0 ? undefined : graph.constant(tensorData("int64", [2], [3, 10]));
      return unet(scope, graph.constant(random([2, 3, 16, 16], 2)), graph.constant(random([2], 3)), classes, options);
    };
    expectAgreement(await onBothEngines(build));
  },
);

test.each(["relu", "silu", "gelu"] as const)(
  "a tiny ResNet with %s gives the same logits on both engines to 1e-4",
  async (activation) => {
    const options = { widths: [4, 6], numClasses: 10, activation, logitScale: 1 / 8, padded: false };
    expectAgreement(
      await onBothEngines((scope, graph) => resnet(scope, graph.constant(random([2, 3, 16, 16], 4)), options)),
    );
  },
);

test("channelsToPatches inverts patchesToChannels", async () => {
  const graph = new Graph();
  const images = random([2, 3, 8, 8], 5);
  const x = graph.constant(images);
  const channels = patchesToChannels(x, 2);
  expect(channels.shape).toEqual([2, 12, 4, 4]);
  graph.output("back", channelsToPatches(channels, 2));
  const { back } = await (await onnxruntimeEngine().compile(graph)).run({});
  expect(back!.data).toEqual(images.data);
});

test("flips mirror the chosen images; translations shift each image by whole pixels and reflect it at the border", async () => {
  const [count, size, reach] = [6, 5, 2];
  const images = random([count, 1, size, size], 6);
  const uniform = random([count, 2], 7, "uniform");
  const flipped = [1, 0, 1, 1, 0, 0];
  const graph = new Graph();
  const x = graph.constant(images);
  graph.output("flipped", flipWhere(x, graph.constant(tensorData("bool", [count], flipped))));
  graph.output("moved", randomTranslation(x, reach, graph.constant(uniform)));
  const results = await (await onnxruntimeEngine().compile(graph)).run({});
  const reflect = (pixel: number) => (pixel < 0 ? -pixel : pixel >= size ? 2 * (size - 1) - pixel : pixel);
  for (let image = 0; image < count; image++) {
    const [down, right] = [0, 1].map((axis) => Math.floor((uniform.data[2 * image + axis] as number) * 5) - reach);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const index = (image * size + row) * size + column;
        const source = (y: number, z: number) => images.data[(image * size + y) * size + z];
        expect(results["flipped"]!.data[index]).toBe(source(row, flipped[image] === 1 ? size - 1 - column : column));
        expect(results["moved"]!.data[index]).toBeCloseTo(
          source(reflect(row + down!), reflect(column + right!)) as number,
          5,
        );
      }
    }
  }
});

test("layers that preserve magnitudes keep features at about 1 for any scale of the weights, in training and after it", async () => {
  const options = {
    ...{
      channels: 16,
      multipliers: [1, 2],
      blocks: 1,
      attentionResolutions: [8],
      patch: 2,
      numClasses: 10,
      dropout: 0,
    },
    normalization: "magnitudes" as const,
  };
  const build = (scope: Scope, graph: Graph) => {
    const classes = graph.constant(tensorData("int64", [8], [0, 1, 2, 3, 4, 5, 6, 10]));
    return unet(scope, graph.constant(random([8, 3, 32, 32], 2)), graph.constant(random([8], 3)), classes, options);
  };
  const survey = traceParameters((scope, graph) => graph.output("y", build(scope, graph)));
  const outputs: Float32Array[] = [];
  for (const scale of [0.03, 1, 50]) {
    const values = initialParameters(survey.parameters, 4).map((value) => value * scale);
    const weights = unflattenParameters(survey.parameters, values);
    for (const [name, { data }] of weights) if (name.endsWith("gain")) data.fill(1);
    // As in training: weights are inputs, so nodes of the graph normalize them.
    const feeds: Record<string, TensorData> = {};
    for (const { name, shape } of survey.parameters) {
      feeds[inputName("parameter", name)] = { dtype: "float32", shape, data: weights.get(name)!.data };
    }
    const trained = new Graph();
    trained.output("y", build(constantScope(trained, weights), trained));
    for (const [graph, fed] of [
      [trained, {}],
      [survey.graph, feeds],
    ] as const) {
      const { y } = await (await onnxruntimeEngine().compile(graph)).run(fed);
      const result = y!.data as Float32Array;
      const meanSquare = result.reduce((total, value) => total + value ** 2, 0) / result.length;
      expect(Math.sqrt(meanSquare)).toBeGreaterThan(0.6);
      expect(Math.sqrt(meanSquare)).toBeLessThan(1.5);
      outputs.push(result);
    }
  }
  for (let pair = 0; pair < outputs.length; pair += 2) {
    const largest = Math.max(...outputs[pair]!.map((value, index) => Math.abs(value - outputs[pair + 1]![index]!)));
    expect(largest).toBeLessThan(1e-3);
  }
});
