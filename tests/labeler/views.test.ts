import { expect, test } from "vitest";
import { fillNormals, randomStreams } from "../../core/random.ts";
import { totalSize, unflattenParameters } from "../../engine/parameters/parameters.ts";
import { readSafetensors, writeSafetensors } from "../../engine/parameters/safetensors.ts";
import { traceParameters } from "../../engine/parameters/trace-parameters.ts";
import { fitTemperature } from "../../labeler/calibration.ts";
import { createLabeler } from "../../labeler/create-labeler.ts";
import { holdOut } from "../../labeler/hold-out.ts";
import { labelerNetwork } from "../../labeler/labeler-network.ts";
import { labelerNetworkSchema, labelerTrainingSchema } from "../../labeler/options.ts";
import { readLabeler } from "../../labeler/read-labeler.ts";
import { trainLabeler } from "../../labeler/train-labeler.ts";
import { errorOf } from "../support/expect-error.ts";
import { memoryStore } from "../support/memory-store.ts";
import { smoothImages } from "../support/smooth-images.ts";

const numImages = 60;
const images = new Uint8Array(Buffer.concat(smoothImages(numImages, "views")));
const execution = { engine: "onnxruntime", device: "cpu" } as const;

/** A labeler of random weights. */
function makeWeights(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const network = labelerNetworkSchema.parse({ widths: [6, 8], padded: true });
  const { parameters, states } = traceParameters((scope, graph) =>
    labelerNetwork(scope, graph.input("images", "float32", [1, 3, 32, 32]), network),
  );
  const values = new Float32Array(totalSize(parameters));
  fillNormals({ seed: 4, stream: randomStreams.weights, id: 0 }, values);
  const tensors = new Map([
    ...unflattenParameters(
      parameters,
      values.map((value) => 0.4 * value),
    ),
    ...unflattenParameters(states, new Float32Array(totalSize(states)).fill(1)),
  ]);
  return writeSafetensors(
    { tensors, metadata: { model: "labeler", network: JSON.stringify(network), ...metadata } },
    "F32",
  );
}

const withViews = (threshold: number, more = {}) =>
  makeWeights({ views: JSON.stringify({ threshold, temperature: 0.3 }), temperature: "0.2", ...more });

async function label(weights: Uint8Array, bytes: Uint8Array = images, batchSize = 7): Promise<Float32Array> {
  const labeler = await createLabeler({ ...execution, weights, batchSize });
  return await labeler.label(bytes).finally(() => labeler.close());
}

const rowsOf = (values: Float32Array) =>
  Array.from({ length: values.length / 10 }, (_, row) => [...values.subarray(row * 10, row * 10 + 10)]);

/** The confidences by which the rule decides, and a number between the two in their middle. */
async function confidencesOfTwoViews() {
  const confidences = rowsOf(await label(makeWeights({ temperature: "0.3" }))).map((row) => Math.max(...row));
  const [below, above] = confidences.toSorted((a, b) => a - b).slice(numImages / 2 - 1);
  return { confidences, median: (below! + above!) / 2 };
}

/** Images shifted by a pixel along both axes, reflected at the border. */
function shifted(by: number): Uint8Array {
  const reflected = (pixel: number) => (pixel < 0 ? 1 : pixel > 31 ? 30 : pixel);
  return images.map((_, index) => {
    const [image, y, x] = [Math.floor(index / 3072), Math.floor(index / 96) % 32, Math.floor(index / 3) % 32];
    return images[image * 3072 + reflected(y + by) * 96 + reflected(x + by) * 3 + (index % 3)]!;
  });
}

test("a labeler with threshold 0 labels in the same bits as one without views", async () => {
  const plain = makeWeights({ temperature: "0.2" });
  expect(readLabeler(plain).views).toBeUndefined();
  expect(await label(withViews(0))).toEqual(await label(plain));
});

test("below the threshold the logits of six views are averaged, one half of them unshifted, and above it two", async () => {
  const plain = makeWeights({ temperature: "0.2" });
  const views = await Promise.all(
    [images, shifted(1), shifted(-1)].map(async (view) => rowsOf(await label(plain, view))),
  );
  const six = views[0]!.map((_, image) => {
    const mean = views[0]![image]!.map(
      (_, k) =>
        0.5 * Math.log(views[0]![image]![k]!) +
        0.25 * Math.log(views[1]![image]![k]!) +
        0.25 * Math.log(views[2]![image]![k]!),
    );
    const sum = mean.reduce((total, value) => total + Math.exp(value), 0);
    return mean.map((value) => Math.exp(value) / sum);
  });
  const { confidences, median } = await confidencesOfTwoViews();
  for (const threshold of [median, 1]) {
    const labeled = rowsOf(await label(withViews(threshold)));
    for (const [image, row] of labeled.entries()) {
      const expected = threshold === 1 || confidences[image]! < median ? six[image]! : views[0]![image]!;
      for (const [k, value] of row.entries())
        expect(Math.abs(value - expected[k]!), `image ${image}`).toBeLessThan(1e-5);
    }
  }
  // The two averages differ, so that the comparison can fail.
  expect(Math.max(...six.map((row, image) => Math.abs(row[0]! - views[0]![image]![0]!)))).toBeGreaterThan(1e-3);
});

test("an image has the same bits whatever images it is labeled with, in whatever order", async () => {
  const weights = withViews((await confidencesOfTwoViews()).median);
  const labeler = await createLabeler({ ...execution, weights, batchSize: 32 });
  const whole = rowsOf(await labeler.label(images));
  const one = (image: number) => images.subarray(image * 3072, (image + 1) * 3072);
  const reversed = Buffer.concat(Array.from(whole, (_, index) => one(numImages - 1 - index)));
  expect(rowsOf(await labeler.label(reversed)).reverse()).toEqual(whole);
  for (const image of [0, 1, 2, 3, 31, 32, 59]) expect(rowsOf(await labeler.label(one(image)))).toEqual([whole[image]]);
  await labeler.close();
});

test("the rule is stored with the weights, and the temperature is fitted under it", async () => {
  const data = { images, labels: Uint8Array.from({ length: numImages }, (_, index) => (index * 7) % 10) };
  const options = labelerTrainingSchema.parse({ widths: [4, 8], batchSize: 10, epochs: 4, heldOut: 0.5 });
  const train = (viewsBelow: number) =>
    trainLabeler({ ...execution, seed: 1, data, options: { ...options, viewsBelow }, store: memoryStore() });
  const [plain, viewed] = [await train(0), await train(0.999)];
  expect(readSafetensors(plain, "it").metadata).not.toHaveProperty("views");
  const { views, temperature, tensors } = readLabeler(viewed);
  expect(views).toEqual({ threshold: 0.999, temperature: readLabeler(plain).temperature });
  expect(tensors).toEqual(readLabeler(plain).tensors);
  const { heldOut } = holdOut(data, 0.5, 1);
  const { tensors: stored, metadata } = readSafetensors(viewed, "it");
  const uncalibrated = writeSafetensors({ tensors: stored, metadata: { ...metadata, temperature: "1" } }, "F16");
  const fitted = fitTemperature(await label(uncalibrated, heldOut.images, 10), heldOut.labels);
  expect(temperature).toBeCloseTo(fitted, 3);
});

test.each(["{", '{"threshold":2,"temperature":1}', '{"threshold":0.5}'])("the views %s are refused", async (views) => {
  const { message } = await errorOf(async () => readLabeler(makeWeights({ views })), "weights/corrupt");
  expect(message).toBe(
    `the labeler's views must be a threshold from 0 to 1 and a temperature above 0, got ${views}. Copy the file again, or train again.`,
  );
});
