import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { floats, type GraphParts, integers, makeOnnx, node, port, types } from "./make-onnx.ts";

/** Images as a batch of any size. */
export const images = port("x", types.float, ["batch", 3, 32, 32]);

/** Of each class, red, green and blue. */
const colors = Array.from({ length: 10 }, (_, index) =>
  [1, 3, 9].map((base) => 0.8 * ((Math.floor(index / base) % 3) - 1)),
).flat();

/** The ideal EDM denoiser of images that are all of one color but for noise; the color is that of the class. */
export const denoiser: GraphParts = {
  node: [
    node("square = Mul(sigma, sigma)"),
    node("below = Add(square, variance)"),
    node("part = Div(variance, below)"),
    node("slope = Reshape(part, shape)"),
    node("color = Gather(colors, c)"),
    node("away = Sub(x, color)"),
    node("back = Mul(away, slope)"),
    node("y = Add(color, back)"),
  ],
  initializer: [
    floats("variance", [], [0.01]),
    integers("shape", [4], [-1, 1, 1, 1]),
    floats("colors", [10, 3, 1, 1], colors),
  ],
  input: [images, port("sigma", types.float, ["batch"]), port("c", types.int64, ["batch"])],
  output: [port("y", types.float, ["batch", 3, 32, 32])],
};

/** Its description, for the file beside it. */
export const denoiserText = {
  model: "generator",
  images: { input: "x", layout: "NCHW", range: [-1, 1] },
  noise: { input: "sigma", schedule: { kind: "sigma" } },
  classes: { input: "c", count: 10, none: null },
  output: { name: "y", prediction: "x0" },
};

/** Finds the class of a color: the nearest of the ten. */
export const classifier: GraphParts = {
  node: [
    node("mean = ReduceMean(x, axes)", [{ name: "keepdims", type: 2, i: 0 }]),
    node("raised = Unsqueeze(mean, one)"),
    node("away = Sub(raised, colors)"),
    node("square = Mul(away, away)"),
    node("distance = ReduceSum(square, two)", [{ name: "keepdims", type: 2, i: 0 }]),
    node("logits = Mul(distance, sharpness)"),
  ],
  initializer: [
    integers("axes", [2], [2, 3]),
    integers("one", [1], [1]),
    integers("two", [1], [2]),
    floats("colors", [1, 10, 3], colors),
    floats("sharpness", [], [-100]),
  ],
  input: [images],
  output: [port("logits", types.float, ["batch", 10])],
};

/** Its description, for the file beside it. */
export const classifierText = {
  model: "labeler",
  images: { input: "x", layout: "NCHW", range: [-1, 1] },
  output: { name: "logits", kind: "logits" },
};

/** Writes both models into a folder. They are the cheapest that there are: a handful of operators. */
export async function writeColorModels(
  folder: string,
): Promise<{ readonly generator: string; readonly labeler: string }> {
  const [generator, labeler] = [join(folder, "generator.onnx"), join(folder, "labeler.onnx")];
  await writeFile(generator, makeOnnx(denoiser));
  await writeFile(`${generator}.json`, JSON.stringify(denoiserText, null, 2));
  await writeFile(labeler, makeOnnx(classifier));
  await writeFile(`${labeler}.json`, JSON.stringify(classifierText, null, 2));
  return { generator, labeler };
}
