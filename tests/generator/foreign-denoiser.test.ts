import { expect, test } from "vitest";
import { Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { embedDescription } from "../../engine/onnx/onnx-description.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { type ForeignGeneratorOptions, readForeignGenerator } from "../../generator/foreign-denoiser.ts";
import { alphasCumprod, type NoiseSchedule } from "../../generator/foreign-schedule.ts";
import { errorOf } from "../support/expect-error.ts";
import { floats, integers, makeOnnx, node, port, types } from "../support/make-onnx.ts";

/** Standard deviation of the Gaussian data, pixels in [-1, 1]. */
const std = 0.5;

type Prediction = ForeignGeneratorOptions["output"]["prediction"];

/**
 * The prediction of the ideal network for `x` = sqrt(ᾱ) x₀ + sqrt(1 − ᾱ) ε, where x₀ ~ N(mean, variance). It is linear in
 * x; the result is [slope, offset].
 */
function idealLine(prediction: Prediction, alpha: number, mean: number, variance: number): readonly [number, number] {
  const [a, b] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
  const total = alpha * variance + 1 - alpha;
  const clean = [(a * variance) / total, mean - (a * variance * a * mean) / total] as const;
  const noise = [b / total, (-b * a * mean) / total] as const;
  if (prediction === "x0") return clean;
  if (prediction === "eps") return noise;
  return [a * noise[0] - b * clean[0], a * noise[1] - b * clean[1]];
}

interface Case {
  readonly prediction: Prediction;
  readonly schedule: NoiseSchedule;
  readonly range: readonly [number, number];
  readonly layout: "NCHW" | "NHWC";
  readonly noiseType: "int64" | "int32";
}

const describe = (options: Partial<Case>, noise: object, classes: object | null = null) => ({
  model: "generator",
  images: { input: "x", layout: options.layout ?? "NCHW", range: options.range ?? [-1, 1] },
  noise,
  classes,
  output: { name: "y", prediction: options.prediction ?? "eps" },
});

const imageDims = (layout: string) => (layout === "NCHW" ? ["batch", 3, 32, 32] : ["batch", 32, 32, 3]);

const described = (file: Uint8Array, description: unknown) => embedDescription(file, JSON.stringify(description));

/** The ideal network for integer timesteps: a table with a linear function for each timestep. */
function tableNetwork({ prediction, schedule, range, layout, noiseType }: Case): Uint8Array {
  const [low, high] = range;
  const variance = ((std * (high - low)) / 2) ** 2;
  const lines = [...alphasCumprod(schedule)].map((alpha) => idealLine(prediction, alpha, (low + high) / 2, variance));
  const column = (index: 0 | 1) =>
    floats(
      `table${index}`,
      [lines.length, 1, 1, 1],
      lines.map((line) => line[index]),
    );
  const file = makeOnnx({
    node: [
      node("slope = Gather(table0, t)"),
      node("offset = Gather(table1, t)"),
      node("scaled = Mul(slope, x)"),
      node("y = Add(scaled, offset)"),
    ],
    initializer: [column(0), column(1)],
    input: [port("x", types.float, imageDims(layout)), port("t", types[noiseType], ["batch"])],
    output: [port("y", types.float, imageDims(layout))],
  });
  return described(file, describe({ prediction, range, layout }, { input: "t", schedule }));
}

/** D(x; sigma) of a file, for a batch of two levels. */
async function denoise(file: Uint8Array, noisy: Float32Array, sigmas: readonly number[]): Promise<Float32Array> {
  const graph = new Graph();
  const x = graph.input("x", "float32", [sigmas.length, 3, 32, 32]);
  const sigma = graph.input("sigma", "float32", [sigmas.length]);
  graph.output("clean", readForeignGenerator(file).denoiser(x, sigma, undefined));
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  const { clean } = await executable.run({
    x: tensorData("float32", x.shape, noisy),
    sigma: tensorData("float32", sigma.shape, sigmas),
  });
  await executable.release();
  return clean!.data as Float32Array;
}

const noisyAt = (sigmas: readonly number[]) =>
  Float32Array.from({ length: sigmas.length * 3072 }, (_, index) => {
    const sigma = sigmas[Math.floor(index / 3072)]!;
    return Math.sin(index) * Math.sqrt(std ** 2 + sigma ** 2);
  });

const ideal = (x: number, sigma: number) => (x * std ** 2) / (std ** 2 + sigma ** 2);

function largestError(found: Float32Array, wanted: (index: number) => number): number {
  return found.reduce((largest, value, index) => Math.max(largest, Math.abs(value - wanted(index))), 0);
}

const linear = { kind: "linear", steps: 1000, betaMin: 0.0001, betaMax: 0.02 } as const;
const cosine = { kind: "cosine", steps: 500, offset: 0.008 } as const;
const explicit = { kind: "explicit", alphasCumprod: [0.999, 0.9, 0.5, 0.1, 0.02] } as const;

test.each<Case>([
  { prediction: "eps", schedule: linear, range: [-1, 1], layout: "NCHW", noiseType: "int64" },
  { prediction: "v", schedule: linear, range: [-1, 1], layout: "NHWC", noiseType: "int64" },
  { prediction: "x0", schedule: linear, range: [0, 1], layout: "NCHW", noiseType: "int64" },
  { prediction: "eps", schedule: cosine, range: [0, 1], layout: "NHWC", noiseType: "int32" },
  { prediction: "v", schedule: cosine, range: [0, 2], layout: "NCHW", noiseType: "int32" },
  { prediction: "x0", schedule: cosine, range: [-1, 1], layout: "NHWC", noiseType: "int64" },
  {
    prediction: "eps",
    schedule: { ...explicit, alphasCumprod: [...explicit.alphasCumprod] },
    range: [-1, 1],
    layout: "NCHW",
    noiseType: "int64",
  },
  {
    prediction: "v",
    schedule: { ...explicit, alphasCumprod: [...explicit.alphasCumprod] },
    range: [0, 1],
    layout: "NCHW",
    noiseType: "int64",
  },
] as Case[])(
  "the ideal network of $prediction ($schedule.kind, $range, $layout) gives the ideal denoiser",
  async (options) => {
    const file = tableNetwork(options);
    // A noise level of the schedule, in pixel units.
    const scale = (options.range[1] - options.range[0]) / 2;
    const levels = [...alphasCumprod(options.schedule)].map((alpha) => Math.sqrt((1 - alpha) / alpha) / scale);
    const chosen = levels.filter((level) => level < 8);
    const sigmas = [0, 0.3, 0.6, 1].map((part) => chosen[Math.floor(part * (chosen.length - 1))]!);
    const noisy = noisyAt(sigmas);
    const clean = await denoise(file, noisy, sigmas);
    const error = largestError(clean, (index) => ideal(noisy[index]!, sigmas[Math.floor(index / 3072)]!));
    expect(error).toBeLessThan(1e-5);
  },
);

test("integer timesteps are the nearest ones in ln(sigma), and the last one beyond an end", async () => {
  const schedule = { kind: "explicit" as const, alphasCumprod: [0.9, 0.5, 0.1] };
  const file = tableNetwork({ prediction: "eps", schedule, range: [-1, 1], layout: "NCHW", noiseType: "int64" });
  const levels = schedule.alphasCumprod.map((alpha) => Math.sqrt((1 - alpha) / alpha));
  const between = (index: number, part: number) => levels[index]! ** (1 - part) * levels[index + 1]! ** part;
  const sigmas = [between(0, 0.49), between(0, 0.51), between(1, 0.51), levels[0]! / 10, levels[2]! * 10];
  const steps = [0, 1, 2, 0, 2];
  const noisy = noisyAt(sigmas);
  const clean = await denoise(file, noisy, sigmas);
  const error = largestError(clean, (index) => {
    const image = Math.floor(index / 3072);
    const sigma = sigmas[image]!;
    const [slope] = idealLine("eps", schedule.alphasCumprod[steps[image]!]!, 0, std ** 2);
    return noisy[index]! - (sigma * slope * noisy[index]!) / Math.sqrt(1 + sigma ** 2);
  });
  expect(error).toBeLessThan(5e-5);
});

test("a network with fractional timesteps gets timesteps between those of the schedule", async () => {
  // ln(sigma) = t / 2 − 3: the network finds sigma from any t.
  const levels = Array.from({ length: 12 }, (_, index) => Math.exp(index / 2 - 3));
  const schedule = { kind: "explicit", alphasCumprod: levels.map((sigma) => 1 / (1 + sigma ** 2)) };
  // eps = x · sigma · sqrt(1 + sigma²) / (s² + sigma²)
  const nodes = [
    "half = Mul(t, scale)",
    "log = Add(half, shift)",
    "sigma = Exp(log)",
    "square = Mul(sigma, sigma)",
    "more = Add(square, one)",
    "root = Sqrt(more)",
    "above = Mul(sigma, root)",
    "below = Add(square, variance)",
    "slope = Div(above, below)",
    "shaped = Reshape(slope, shape)",
    "y = Mul(x, shaped)",
  ].map((text) => node(text));
  const file = makeOnnx({
    node: nodes,
    initializer: [
      floats("scale", [], [0.5]),
      floats("shift", [], [-3]),
      floats("one", [], [1]),
      floats("variance", [], [std ** 2]),
      integers("shape", [4], [-1, 1, 1, 1]),
    ],
    input: [port("x", types.float, ["batch", 3, 32, 32]), port("t", types.float, ["batch"])],
    output: [port("y", types.float, ["batch", 3, 32, 32])],
  });
  const sigmas = [levels[0]!, 0.1234, 0.5, 1.7, 6.3];
  const noisy = noisyAt(sigmas);
  const clean = await denoise(described(file, describe({}, { input: "t", schedule })), noisy, sigmas);
  expect(largestError(clean, (index) => ideal(noisy[index]!, sigmas[Math.floor(index / 3072)]!))).toBeLessThan(1e-5);
});

test.each([
  { prediction: "x0", formula: "variance" },
  { prediction: "eps", formula: "sigma" },
] as const)("a network that gets sigma and predicts $prediction gives the ideal denoiser", async (options) => {
  // x0 = x · s² / (s² + sigma²), eps = x · sigma / (s² + sigma²)
  const file = makeOnnx({
    node: [
      node("square = Mul(sigma, sigma)"),
      node("below = Add(square, variance)"),
      node(`slope = Div(${options.formula}, below)`),
      node("shaped = Reshape(slope, shape)"),
      node("y = Mul(x, shaped)"),
    ],
    initializer: [floats("variance", [], [std ** 2]), integers("shape", [4], [-1, 1, 1, 1])],
    input: [port("x", types.float, ["batch", 3, 32, 32]), port("sigma", types.float, ["batch"])],
    output: [port("y", types.float, ["batch", 3, 32, 32])],
  });
  const description = describe(options, { input: "sigma", schedule: { kind: "sigma" } });
  const sigmas = [0.002, 0.5, 7.5];
  const noisy = noisyAt(sigmas);
  const clean = await denoise(described(file, description), noisy, sigmas);
  expect(largestError(clean, (index) => ideal(noisy[index]!, sigmas[Math.floor(index / 3072)]!))).toBeLessThan(1e-5);
});

test("the network gets the class, or the number for no class if none is given", async () => {
  // D = x + class
  const file = makeOnnx({
    node: [
      node("number = Cast(c)", [{ name: "to", type: 2, i: types.float }]),
      node("shaped = Reshape(number, shape)"),
      node("noise = Reshape(sigma, shape)"),
      node("nothing = Sub(noise, noise)"),
      node("added = Add(x, shaped)"),
      node("y = Add(added, nothing)"),
    ],
    initializer: [integers("shape", [4], [-1, 1, 1, 1])],
    input: [
      port("x", types.float, ["batch", 3, 32, 32]),
      port("sigma", types.float, ["batch"]),
      port("c", types.int32, ["batch"]),
    ],
    output: [port("y", types.float, ["batch", 3, 32, 32])],
  });
  const withNone = (none: number | null) =>
    described(
      file,
      describe({ prediction: "x0" }, { input: "sigma", schedule: { kind: "sigma" } }, { input: "c", count: 10, none }),
    );
  const graph = new Graph();
  const x = graph.input("x", "float32", [2, 3, 32, 32]);
  const sigma = graph.input("sigma", "float32", [2]);
  const classes = graph.input("classes", "int64", [2]);
  const generator = readForeignGenerator(withNone(42));
  expect(generator.numClasses).toBe(10);
  const denoiser = generator.denoiser;
  graph.output("asked", denoiser(x, sigma, classes));
  graph.output("free", denoiser(x, sigma, undefined));
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  const { asked, free } = await executable.run({
    x: tensorData("float32", x.shape, new Float32Array(6144)),
    sigma: tensorData("float32", [2], [1, 1]),
    classes: tensorData("int64", [2], [3, 9]),
  });
  await executable.release();
  expect([asked!.data[0], asked!.data[3072], free!.data[0], free!.data[3072]]).toEqual([3, 9, 42, 42]);
  const { message } = await errorOf(
    () => readForeignGenerator(withNone(null)).denoiser(x, sigma, undefined),
    "model/no-free-class",
  );
  expect(message).toContain("classes.none");
});

/** The message about a description with a wrong schedule. */
async function refusalOf(schedule: object): Promise<string> {
  const file = makeOnnx({
    node: [node("y = Add(x, x)")],
    initializer: [],
    input: [port("x", types.float, ["batch", 3, 32, 32])],
    output: [port("y", types.float, ["batch", 3, 32, 32])],
  });
  const wrong = described(file, describe({}, { input: "t", schedule }));
  return (await errorOf(() => readForeignGenerator(wrong), "model/wrong-description")).message;
}

test.each([
  { kind: "linear", steps: 100_000, betaMin: 0.0001, betaMax: 0.02 },
  { kind: "linear", steps: 1000, betaMin: 1e-20, betaMax: 0.02 },
  { kind: "cosine", steps: 1000, offset: 1e17 },
  { kind: "explicit", alphasCumprod: [0.9, 0.5, 0.5] },
  { kind: "explicit", alphasCumprod: [1, 0.5] },
])("a schedule whose ᾱ does not fall, or leaves (0, 1), is refused as a wrong description: %o", async (schedule) => {
  expect(await refusalOf(schedule)).toMatch(
    /wrong noise\.schedule: ᾱ must lie between 0 and 1 and fall at each timestep, got \S+ at timestep \d+\./,
  );
});

test("a schedule with a number out of range is refused by the key of the number", async () => {
  expect(await refusalOf({ kind: "linear", steps: 1e12 })).toContain("wrong noise.schedule.steps");
});
