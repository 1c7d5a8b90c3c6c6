import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { embedDescription } from "../../engine/onnx/onnx-description.ts";
import { createLabeler } from "../../labeler/create-labeler.ts";
import { errorOf } from "../support/expect-error.ts";
import { floats, integers, makeOnnx, node, port, types } from "../support/make-onnx.ts";

const mean = [0.4914, 0.4822, 0.4465] as const;
const std = [0.247, 0.2435, 0.2616] as const;
/** Class names from last to first. */
const classes = cifar10ClassNames.toReversed();

/** The logit of class i of the model is the i-th number of a normalized image, in the layout of the model. */
function firstNumbers(layout: "NCHW" | "NHWC", batch: number | string, output = "logits"): Uint8Array {
  const dims = layout === "NCHW" ? [batch, 3, 32, 32] : [batch, 32, 32, 3];
  return makeOnnx({
    node: [
      node("flat = Flatten(x)"),
      node("logits = Slice(flat, start, end, axis)"),
      node("probabilities = Softmax(logits)"),
    ],
    initializer: [integers("start", [1], [0]), integers("end", [1], [10]), integers("axis", [1], [1])],
    input: [port("x", types.float, dims)],
    output: [port(output, types.float, [batch, 10])],
  });
}

const description = (layout: string, kind: string) => ({
  model: "labeler",
  images: { input: "x", layout, range: [0, 1], mean, std },
  output: { name: kind, kind },
  classes,
});

const open = (file: Uint8Array, text: unknown) =>
  createLabeler({
    weights: embedDescription(file, JSON.stringify(text)),
    batchSize: 3,
    engine: "onnxruntime",
    device: "cpu",
  });

/** The probabilities of an image in the order of CIFAR-10, computed from the definition. */
function expected(image: Uint8Array, layout: "NCHW" | "NHWC"): number[] {
  const numbers = Array.from({ length: 10 }, (_, index) => {
    const [channel, byte] = layout === "NCHW" ? [0, image[3 * index]!] : [index % 3, image[index]!];

    return Math.exp((byte / 255 - mean[channel]!) / std[channel]!);
  });
  const total = numbers.reduce((sum, value) => sum + value, 0);
  return numbers.map((value) => value / total).reverse();
}

test.each([
  { layout: "NCHW", kind: "logits", batch: "batch" },
  { layout: "NHWC", kind: "logits", batch: 4 },
  { layout: "NCHW", kind: "probabilities", batch: 2 },
] as const)(
  "a classifier of $layout that gives $kind for $batch images labels as its description says",
  async (options) => {
    const { layout, kind, batch } = options;
    const labeler = await open(firstNumbers(layout, batch, kind), description(layout, kind));
    const images = Uint8Array.from({ length: 5 * 3072 }, (_, index) => (index * 89 + (index >> 3)) % 256);
    const probabilities = await labeler.label(images);
    await labeler.close();
    expect(probabilities).toHaveLength(50);
    for (let image = 0; image < 5; image++) {
      const wanted = expected(images.subarray(image * 3072, (image + 1) * 3072), layout);
      wanted.forEach((value, index) => {
        expect(probabilities[image * 10 + index]).toBeCloseTo(value, 5);
      });
    }
  },
);

test("no batch is labeled after the signal", async () => {
  const labeler = await open(firstNumbers("NHWC", 4), description("NHWC", "logits"));
  const controller = new AbortController();
  const labeled = labeler.label(new Uint8Array(9 * 3072), controller.signal);
  controller.abort(new Error("enough"));
  await expect(labeled).rejects.toThrow("enough");
  await labeler.close();
});

test("a description of version 0.1, which says deviation for std, means the same", async () => {
  const { images, ...rest } = description("NCHW", "logits");
  const { std: deviation, ...old } = images;
  const image = Uint8Array.from({ length: 3072 }, (_, index) => index % 256);
  const label = async (text: unknown) => {
    const labeler = await open(firstNumbers("NCHW", 1), text);
    try {
      return await labeler.label(image);
    } finally {
      await labeler.close();
    }
  };
  expect(await label({ ...rest, images: { ...old, deviation } })).toEqual(await label({ ...rest, images }));
});

test.each<[string, () => Promise<unknown>, string, RegExp]>([
  [
    "a standard deviation of 0",
    () =>
      open(firstNumbers("NCHW", "n"), {
        ...description("NCHW", "logits"),
        images: { input: "x", layout: "NCHW", range: [0, 1], std: [0.2, 0, 0.2] },
      }),
    "model/wrong-description",
    /images\.std: must be above 0/,
  ],
  [
    "both names of the standard deviation",
    () => {
      const { images, ...rest } = description("NCHW", "logits");
      return open(firstNumbers("NCHW", "n"), { ...rest, images: { ...images, deviation: [1, 1, 1] } });
    },
    "model/wrong-description",
    /unknown key images\.deviation/,
  ],
  [
    "logits that are called probabilities",
    () =>
      open(firstNumbers("NCHW", "n"), {
        ...description("NCHW", "logits"),
        output: { name: "logits", kind: "probabilities" },
      }),
    "model/wrong-result",
    /add up to .*"logits"/,
  ],
  [
    "a class that is named twice",
    () => open(firstNumbers("NCHW", "n"), { ...description("NCHW", "logits"), classes: classes.with(0, "ship") }),
    "model/wrong-description",
    /classes: must name each of airplane, .* once/,
  ],
  [
    "a number of classes other than ten",
    () =>
      open(
        makeOnnx({
          node: [node("flat = Flatten(x)"), node("logits = MatMul(flat, w)")],
          initializer: [floats("w", [3072, 4], new Float32Array(12288))],
          input: [port("x", types.float, ["n", 3, 32, 32])],
          output: [port("logits", types.float, ["n", 4])],
        }),
        description("NCHW", "logits"),
      ),
    "model/mismatch",
    /"logits" in shape \[batch, 10\], got \[n, 4\]/,
  ],
  [
    "another layout than the model's",
    () => open(firstNumbers("NCHW", "n"), description("NHWC", "logits")),
    "model/mismatch",
    /\[batch, 32, 32, 3\], got \[n, 3, 32, 32\]/,
  ],
  [
    "a shape that only the executor finds out",
    () =>
      open(
        makeOnnx({
          node: [node("flat = Flatten(x)"), node("logits = MatMul(flat, w)")],
          initializer: [floats("w", [3071, 10], new Float32Array(30710))],
          input: [port("x", types.float, ["n", 3, 32, 32])],
          output: [port("logits", types.float, ["n", 10])],
        }),
        description("NCHW", "logits"),
      ),
    "model/cannot-run",
    /the labeler cannot be run: .*incompatible dimensions/i,
  ],
])("%s is refused in one line", async (_, opening, code, message) => {
  const error = await errorOf(opening, code);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
});

test("bytes that are not whole images are refused", async () => {
  const labeler = await open(firstNumbers("NCHW", "N"), description("NCHW", "logits"));
  for (const size of [100, 4608]) await errorOf(() => labeler.label(new Uint8Array(size)), "image/bad-length");
  await labeler.close();
});

test.each([0, -5, 1_000_000])("a classifier with a batch size of %d is refused in one line", async (batch) => {
  const opening = () => open(firstNumbers("NCHW", batch), description("NCHW", "logits"));
  const { message } = await errorOf(opening, "model/mismatch");
  expect(message).toContain(`must take 1 to 16384 images at once, got ${batch}.`);
});
