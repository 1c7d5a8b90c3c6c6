import { describe, expect, test } from "vitest";
import {
  add,
  averagePool,
  buildTrainingProgram,
  conv2d,
  createEngine,
  fanInInitializer,
  type ImageLayout,
  initialParameters,
  initialState,
  mean,
  mul,
  type Scope,
  sgd,
  silu,
  type Tensor,
  Trainer,
  type TrainingProgram,
} from "../../engine/index.ts";
import { stopGradient } from "../../engine/ops/elementwise.ts";
import { batchNormLayer, convLayer, groupNormLayer } from "../../networks/layers.ts";
import { unet } from "../../networks/unet.ts";
import { normals, operators } from "./graphs.ts";
import { smallLabelerTraining } from "./small-training.ts";

const engine = await createEngine("onnxruntime", { device: "cpu" });
const shape = [4, 12, 16, 16];
const images = normals(shape).data as Float32Array;

/** The training of a network of images by the mean square of its result. */
function programOf(network: (scope: Scope, x: Tensor) => Tensor): TrainingProgram {
  return buildTrainingProgram({
    residents: {},
    step: { x: { dtype: "float32", shape } },
    optimizer: sgd(),
    stepsPerCall: 1,
    loss: ({ scope, step }) => {
      const result = network(scope, step["x"]!);
      return mean(mul(result, result));
    },
  });
}

/** The gradient, by a step of length 1 from weights none of which are zero. */
async function gradientOf(program: TrainingProgram, trainingLayout: ImageLayout): Promise<Float32Array> {
  const specs = program.parameters.map((spec) =>
    spec.initializer.kind === "constant" ? { ...spec, initializer: { kind: "normal", deviation: 0.3 } as const } : spec,
  );
  const parameters = initialParameters(specs, 3);
  const state = { step: 0, vectors: { ...initialState(program, 3).vectors, parameters } };
  const trainer = await Trainer.create({
    program,
    engine: { ...engine, trainingLayout },
    residents: {},
    seed: 3,
    state,
  });
  await trainer.advance([{ learningRate: 1, averageDecay: 0, values: { x: images } }]);
  await trainer.release();
  return parameters.map((value, index) => value - trainer.state.vectors["parameters"]![index]!);
}

/** Largest difference of gradients between the layouts, relative to the largest gradient. */
async function difference(program: TrainingProgram): Promise<number> {
  const [expected, found] = [await gradientOf(program, "images-first"), await gradientOf(program, "places-first")];
  const largestOf = (values: Float32Array) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  expect(largestOf(expected)).toBeGreaterThan(0);
  return largestOf(expected.map((value, index) => value - found[index]!)) / largestOf(expected);
}

describe("training in the places-first layout", () => {
  test("has the gradients of a U-Net, with attention, pooling, skips and modulation", async () => {
    const options = {
      channels: 16,
      multipliers: [1, 2],
      blocks: 1,
      attentionResolutions: [8],
      patch: 1,
      numClasses: 0,
      dropout: 0,
    };
    const program = programOf((scope, x) => unet(scope, x, mean(x, { axes: [1, 2, 3] }), undefined, options));
    expect(operators(program.graph("images-first"))).toContain("Conv");
    expect(operators(program.graph("places-first"))).not.toContain("Conv");
    expect(await difference(program)).toBeLessThan(1e-4);
  });

  test("lets no gradient through where none may flow, and turns back what it does not know", async () => {
    const program = programOf((scope, x) => {
      const first = silu(groupNormLayer(scope.child("norm"), convLayer(scope.child("first"), x, 8), 2));
      const shared = scope.child("shared").parameter("weight", [8, 8, 3, 3], fanInInitializer(72));
      const [open, closed] = [
        conv2d(first, shared, { padding: 1 }),
        stopGradient(conv2d(first, shared, { padding: 1 })),
      ];
      const strided = convLayer(scope.child("strided"), mul(open, closed), 8, { stride: 2 });
      return add(strided, averagePool(closed, 2));
    });
    expect(operators(program.graph("places-first")).filter((name) => name === "Conv").length).toBeGreaterThan(0);
    expect(await difference(program)).toBeLessThan(1e-4);
  });

  test("is left alone with batch normalization, which wants the other", () => {
    for (const program of [
      smallLabelerTraining().program,
      programOf((scope, x) => batchNormLayer(scope, convLayer(scope.child("conv"), x, 32))),
    ]) {
      expect(operators(program.graph("places-first"))).toEqual(operators(program.graph("images-first")));
    }
  });
});
