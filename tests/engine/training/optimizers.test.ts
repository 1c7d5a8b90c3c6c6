import { expect, test } from "vitest";
import { Graph } from "../../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { zerosInitializer } from "../../../engine/parameters/parameters.ts";
import { adam, adamw, clipByNorm, type Optimizer, sgd, updateEma } from "../../../engine/training/optimizers.ts";

const engine = onnxruntimeEngine({ numThreads: 1 });
const start = [0.5, -1.25, 2];
const gradientsOfSteps = [
  [0.1, -0.4, 1.5],
  [-0.3, 0.2, 0.7],
  [0.25, 0.6, -2],
];
const decayMask = [1, 0, 1];
const learningRates = [0.1, 0.05, 0.2];

/** The parameters after each step, computed by the engine in float64. */
async function runOptimizer(optimizer: Optimizer): Promise<number[][]> {
  const graph = new Graph();
  const vector = (name: string) => graph.input(name, "float64", [3]);
  const slots = Array.from({ length: optimizer.numSlots }, (_, index) => vector(`slot${index}`));
  const updated = optimizer.update({
    specs: [{ name: "weights", shape: [3], initializer: zerosInitializer, decay: true, learningRateScale: 1 }],
    parameters: vector("parameters"),
    gradient: vector("gradient"),
    slots,
    learningRate: graph.input("learningRate", "float64", []),
    decayMask: graph.constant(tensorData("float64", [3], decayMask)),
    stepNumber: graph.input("stepNumber", "float64", []),
  });
  graph.output("parametersNext", updated.parameters);
  updated.slots.forEach((slot, index) => {
    graph.output(`slot${index}Next`, slot);
  });
  const executable = await engine.compile(graph);
  let parameters = tensorData("float64", [3], start);
  let state = slots.map(() => tensorData("float64", [3], [0, 0, 0]));
  const history: number[][] = [];
  for (const [index, gradient] of gradientsOfSteps.entries()) {
    const results: Record<string, TensorData> = await executable.run({
      parameters,
      gradient: tensorData("float64", [3], gradient),
      learningRate: tensorData("float64", [], [learningRates[index]!]),
      stepNumber: tensorData("float64", [], [index + 1]),
      ...Object.fromEntries(state.map((slot, slotIndex) => [`slot${slotIndex}`, slot])),
    });
    parameters = results["parametersNext"]!;
    state = state.map((_, slotIndex) => results[`slot${slotIndex}Next`]!);
    history.push([...(parameters.data as Float64Array)]);
  }
  await executable.release();
  return history;
}

function expectClose(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((row, step) => {
    row.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[step]![index]!, 12);
    });
  });
}

test.each([
  { momentum: 0, nesterov: false, weightDecay: 0 },
  { momentum: 0, nesterov: false, weightDecay: 0.1 },
  { momentum: 0.9, nesterov: false, weightDecay: 0 },
  { momentum: 0.9, nesterov: true, weightDecay: 0.1 },
])(
  "sgd with momentum $momentum, nesterov $nesterov, weight decay $weightDecay follows its definition",
  async (options) => {
    const { momentum, nesterov, weightDecay } = options;
    const velocity = [0, 0, 0];
    let parameters = start;
    const expected = gradientsOfSteps.map((gradient, step) => {
      parameters = parameters.map((value, index) => {
        const decayed = gradient[index]! + weightDecay * decayMask[index]! * value;
        velocity[index] = momentum * velocity[index]! + decayed;
        const direction = nesterov ? decayed + momentum * velocity[index]! : velocity[index]!;
        return value - learningRates[step]! * direction;
      });
      return parameters;
    });
    expectClose(await runOptimizer(sgd(options)), expected);
  },
);

test.each([
  { name: "adamw", make: adamw, weightDecay: 0 },
  { name: "adamw", make: adamw, weightDecay: 0.1 },
  { name: "adam", make: adam, weightDecay: 0.1 },
])("$name with weight decay $weightDecay follows its definition", async ({ name, make, weightDecay }) => {
  const [beta1, beta2, epsilon] = [0.9, 0.99, 1e-8];
  const first = [0, 0, 0];
  const second = [0, 0, 0];
  let parameters = start;
  const expected = gradientsOfSteps.map((gradient, step) => {
    parameters = parameters.map((value, index) => {
      const decay = weightDecay * decayMask[index]! * value;
      const slope = gradient[index]! + (name === "adam" ? decay : 0);
      first[index] = beta1 * first[index]! + (1 - beta1) * slope;
      second[index] = beta2 * second[index]! + (1 - beta2) * slope ** 2;
      const mean = first[index]! / (1 - beta1 ** (step + 1));
      const square = second[index]! / (1 - beta2 ** (step + 1));
      const direction = mean / (Math.sqrt(square) + epsilon) + (name === "adam" ? 0 : decay);
      return value - learningRates[step]! * direction;
    });
    return parameters;
  });
  expectClose(await runOptimizer(make({ beta1, beta2, epsilon, weightDecay })), expected);
});

test("clipByNorm scales long gradients down to the norm and does not change short and zero gradients", async () => {
  const graph = new Graph();
  graph.output("clipped", clipByNorm(graph.input("gradient", "float64", [2]), 2));
  const executable = await engine.compile(graph);
  for (const [gradient, expected] of [
    [
      [3, -4],
      [1.2, -1.6],
    ],
    [
      [0.3, 0.4],
      [0.3, 0.4],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ] as const) {
    const { clipped } = await executable.run({ gradient: tensorData("float64", [2], gradient) });
    expectClose([[...(clipped!.data as Float64Array)]], [expected]);
  }
  await executable.release();
});

test("updateEma gives decay · ema + (1 - decay) · value", async () => {
  const graph = new Graph();
  const [average, value] = ["average", "value"].map((name) => graph.input(name, "float64", [2]));
  graph.output("next", updateEma(average!, value!, graph.input("decay", "float64", [])));
  const executable = await engine.compile(graph);
  const { next } = await executable.run({
    average: tensorData("float64", [2], [1, -2]),
    value: tensorData("float64", [2], [3, 5]),
    decay: tensorData("float64", [], [0.75]),
  });
  expectClose([[...(next!.data as Float64Array)]], [[1.5, -0.25]]);
  await executable.release();
});
