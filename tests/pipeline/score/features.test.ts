import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mirrorHwc } from "../../../core/image-layout.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { writeOnnx } from "../../../engine/onnx/write-onnx.ts";
import { mean } from "../../../engine/ops/reduce.ts";
import { readSafetensors } from "../../../engine/parameters/safetensors.ts";
import { createLabeler, createLabelerFeatures } from "../../../labeler/index.ts";
import { shippedFile } from "../../../pipeline/run/shipped-files.ts";
import { openOnnxFeatures } from "../../../pipeline/score/onnx-features.ts";
import { resizeBilinear } from "../../../pipeline/score/resize-bilinear.ts";
import { errorOf } from "../../support/expect-error.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";
import { integers, makeOnnx, node, port, types } from "../../support/make-onnx.ts";
import { makeFeatureFile } from "./make-feature-file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-features-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("the last layer turns the labeler's features, plain and mirrored, into its probabilities", async () => {
  const weights = await readFile(shippedFile("labeler.safetensors"));
  const options = { weights, batchSize: 4, engine: "onnxruntime", device: "cpu" } as const;
  const images = noiseBytes("features", 3 * 3072);
  const [labeler, features] = [await createLabeler(options), await createLabelerFeatures(options)];
  const probabilities = await labeler.label(images);
  const views = [await features.run(images), await features.run(mirrorHwc(Uint8Array.from(images)))];
  await Promise.all([labeler.close(), features.close()]);
  const { tensors, metadata } = readSafetensors(weights, "the labeler's weights");
  const temperature = Number(metadata["temperature"]);
  const [weight, bias] = ["head.weight", "head.bias"].map((name) => tensors.get(name)!);
  const { width } = features;
  // [width, 10] or [10, width]: the extent of the classes says which.
  const isInputFirst = weight!.shape[0] === width;
  for (let image = 0; image < 3; image++) {
    const logits = Array.from({ length: 10 }, (_, label) => {
      const ofView = views.map((view) => {
        let sum = bias?.data[label] ?? 0;
        for (let k = 0; k < width; k++) {
          sum += view[image * width + k]! * weight!.data[isInputFirst ? k * 10 + label : label * width + k]!;
        }
        return sum / 8;
      });
      return (ofView[0]! + ofView[1]!) / 2 / temperature;
    });
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    for (const [label, logit] of logits.entries()) {
      expect(probabilities[image * 10 + label]).toBeCloseTo(Math.exp(logit) / total, 5);
    }
  }
});

test("images are enlarged bilinearly around pixel centers, edges repeated", () => {
  const ramp = Float32Array.from([0, 10, 20, 30]);
  // PyTorch: interpolate(tensor([[[[0., 10.], [20., 30.]]]]), size=4, mode="bilinear", align_corners=False)
  const expected = [...[0, 2.5, 7.5, 10], ...[5, 7.5, 12.5, 15], ...[15, 17.5, 22.5, 25], ...[20, 22.5, 27.5, 30]];
  expect([...resizeBilinear(ramp, { count: 1, channels: 1, from: 2, to: 4 })]).toEqual(expected);
  const twoChannels = Float32Array.from([...ramp].flatMap((value) => [value, -value]));
  const enlarged = resizeBilinear(twoChannels, { count: 1, channels: 2, from: 2, to: 4 });
  expect([...enlarged].filter((_, index) => index % 2 === 1).map((value) => 0 - value)).toEqual(expected);
});

test.for([
  ["float32, channels first", { dtype: "float32", shape: [4, 3, 32, 32] }, 255],
  ["float32, channels last", { dtype: "float32", shape: [2, 32, 32, 3] }, 255],
  ["uint8, channels last", { dtype: "uint8", shape: [4, 32, 32, 3] }, 1],
  ["uint8, enlarged", { dtype: "uint8", shape: [1, 3, 64, 64] }, 1],
] as const)("a file that takes %s sees the images", async ([name, options, scale]) => {
  const path = join(folder, `${name}.onnx`);
  await makeFeatureFile(path, options);
  // A color an image, which no resizing changes.
  const colors = [
    [10, 20, 30],
    [0, 128, 255],
    [90, 80, 70],
  ];
  const images = Uint8Array.from(colors.flatMap((color) => Array.from({ length: 1024 }, () => color).flat()));
  const net = await openOnnxFeatures(path, "cpu");
  const features = await net.run(images);
  await net.close();
  expect(net.width).toBe(6);
  const expected = colors.flatMap((color) => [...color, ...color]);
  for (const [index, value] of features.entries()) expect(value * scale).toBeCloseTo(expected[index]!, 2);
});

test("files that ask for more memory than there is, or loop without end, are refused", async () => {
  const path = join(folder, "hostile.onnx");
  const input = port("images", types.float, [1_000_000, 3, 32, 32]);
  const output = [port("features", types.float, [1_000_000, 3])];
  const pooled = node("features = ReduceMax(images, axes)");
  await writeFile(
    path,
    makeOnnx({ node: [pooled], initializer: [integers("axes", [2], [2, 3])], input: [input], output }),
  );
  const { message } = await errorOf(() => openOnnxFeatures(path, "cpu"), "features/wrong-input");
  expect(message).toContain("at most 1024 at once");
  const endless = node("features = Loop(, yes, images)", [{ name: "body", type: 5, g: {} }]);
  await writeFile(path, makeOnnx({ node: [endless], input: [input], output }));
  await errorOf(() => openOnnxFeatures(path, "cpu"), "model/unsupported");
});

test("files with a wrong input or output are refused in one line", async () => {
  const path = join(folder, "other.onnx");
  await writeFile(path, "no model");
  await errorOf(() => openOnnxFeatures(path, "cpu"), "features/unreadable");
  await makeFeatureFile(path, { dtype: "float16" });
  const wrongInput = await errorOf(() => openOnnxFeatures(path, "cpu"), "features/wrong-input");
  expect(wrongInput.message).toContain("images: float16 [4, 3, 32, 32]");
  const graph = new Graph();
  const means = mean(graph.input("images", "float32", [1, 3, 32, 32]), { axes: [2] });
  graph.output("means", means);
  await writeFile(path, writeOnnx(graph));
  const wrongOutput = await errorOf(() => openOnnxFeatures(path, "cpu"), "features/wrong-output");
  expect(wrongOutput.message).toContain("means: float32 [1, 3, 32]");
  await errorOf(() => openOnnxFeatures(join(folder, "none.onnx"), "cpu"), "disk/missing");
});
