import { describe, expect, test } from "vitest";
import { silu } from "../../../engine/composites/activations.ts";
import { customVjp } from "../../../engine/composites/custom-vjp.ts";
import { createEngine } from "../../../engine/create-engine.ts";
import type { ImageLayout } from "../../../engine/executor.ts";
import type { Tensor } from "../../../engine/graph/graph.ts";
import { conv2d } from "../../../engine/ops/conv.ts";
import { add, mul, relu, sigmoid, stopGradient, sub } from "../../../engine/ops/elementwise.ts";
import { averagePool, maxPool } from "../../../engine/ops/pool.ts";
import { mean } from "../../../engine/ops/reduce.ts";
import { reshape } from "../../../engine/ops/reshape.ts";
import { fanInInitializer, initialParameters, type Scope } from "../../../engine/parameters/parameters.ts";
import { sgd } from "../../../engine/training/optimizers.ts";
import { Trainer } from "../../../engine/training/trainer.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../../engine/training/training-program.ts";
import { initialState } from "../../../engine/training/training-state.ts";
import { convLayer, groupNormLayer, normRelu } from "../../../networks/layers.ts";
import { resnet } from "../../../networks/resnet.ts";
import { unet } from "../../../networks/unet.ts";
import { normals, operators } from "../graphs.ts";

const engine = await createEngine("onnxruntime", { device: "cpu" });
const shape = [4, 12, 16, 16];
const images = normals(shape).data as Float32Array;

/** A training that minimizes the mean square of a network's output. */
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

/** The gradient and the running statistics after a step with learning rate 1 from weights that are not zero. */
async function stepIn(program: TrainingProgram, trainingLayout: ImageLayout) {
  const specs = program.parameters.map((spec) =>
    spec.initializer.kind === "constant" ? { ...spec, initializer: { kind: "normal", std: 0.3 } as const } : spec,
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
  await trainer.advance([{ learningRate: 1, emaDecay: 0, values: { x: images } }]);
  await trainer.release();
  const { vectors } = trainer.state;
  const gradient = parameters.map((value, index) => value - vectors["parameters"]![index]!);
  return { gradient, states: vectors["states"] ?? new Float32Array() };
}

/** The largest differences between the layouts of gradients and of running statistics, relative to the largest value. */
async function differences(program: TrainingProgram): Promise<{ readonly gradient: number; readonly states: number }> {
  const [expected, found] = [await stepIn(program, "NCHW"), await stepIn(program, "HWNC")];
  const largestOf = (values: Float32Array) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const differenceOf = (left: Float32Array, right: Float32Array) =>
    largestOf(left.map((value, index) => value - right[index]!)) / Math.max(largestOf(left), 1e-30);
  expect(largestOf(expected.gradient)).toBeGreaterThan(0);
  return {
    gradient: differenceOf(expected.gradient, found.gradient),
    states: differenceOf(expected.states, found.states),
  };
}

test("a parameter may have the same name as any other input or output of a step", async () => {
  const gradientOf = async (name: string) => {
    const program = programOf((scope, x) => mul(x, scope.parameter(name, [16], fanInInitializer(1))));
    return (await stepIn(program, "NCHW")).gradient;
  };
  const expected = await gradientOf("weight");
  for (const name of ["learningRate", "x", "loss", "t0", "c0"]) expect(await gradientOf(name), name).toEqual(expected);
});

test("a gradient rule that uses more than its arguments is refused", () => {
  const program = programOf((scope, x) => {
    const weight = scope.parameter("weight", [16], fanInInitializer(1));
    const twice = mul(weight, 2);
    return mul(
      x,
      customVjp(mul(weight, weight), [weight], (gradient) => [mul(gradient, twice)]),
    );
  });
  expect(() => program.graph("NCHW")).toThrowError(expect.objectContaining({ code: "engine/foreign-tensor" }));
});

describe("training in the HWNC layout", () => {
  test.each(["groups", "magnitudes"] as const)(
    "has the gradients of a U-Net of normalized %s, with attention, pooling, skips and modulation",
    async (normalization) => {
      const options = {
        channels: 16,
        multipliers: [1, 2],
        blocks: 1,
        attentionResolutions: [8],
        patch: 1,
        numClasses: 0,
        normalization,
        dropout: 0,
      };
      const program = programOf((scope, x) => unet(scope, x, mean(x, { axes: [1, 2, 3] }), undefined, options));
      expect(operators(program.graph("NCHW"))).toContain("Conv");
      expect(operators(program.graph("HWNC"))).not.toContain("Conv");
      expect((await differences(program)).gradient).toBeLessThan(1e-4);
    },
  );

  test("stops gradients where the graph does, and converts images back for operations without a rule", async () => {
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
    expect(operators(program.graph("HWNC")).filter((name) => name === "Conv").length).toBeGreaterThan(0);
    expect((await differences(program)).gradient).toBeLessThan(1e-4);
  });

  test.each<[string, (scope: Scope, x: Tensor) => Tensor]>([
    ["pooling by four", (scope, x) => averagePool(convLayer(scope.child("conv"), x, 8), 4)],
    ["the largest of 2×2 pixels", (scope, x) => maxPool(convLayer(scope.child("conv"), x, 8), 2)],
    [
      "the largest of 2×2 pixels, equal ones among them",
      (scope, x) => maxPool(mul(relu(convLayer(scope.child("conv"), x, 8)), 3), 2),
    ],
    [
      "a summand for each image ahead of a norm",
      (scope, x) => {
        const summand = mean(x, { axes: [1, 2, 3], keepDims: true });
        return groupNormLayer(scope, add(convLayer(scope.child("conv"), x, 4, { bias: false }), summand), 2);
      },
    ],
    [
      "channels that hardly vary",
      (scope, x) => groupNormLayer(scope.child("norm"), add(convLayer(scope.child("conv"), mul(x, 1e-3), 8), 9), 2),
    ],
    [
      "a rule that is not the gradient",
      (scope, x) => {
        const hidden = convLayer(scope.child("conv"), x, 8);
        const reversed = customVjp(mul(hidden, hidden), [hidden], (gradient) => [mul(gradient, -1)]);
        return convLayer(scope.child("last"), reversed, 8);
      },
    ],
    [
      "a rule that works with a gate and is not that of SiLU",
      (scope, x) => {
        const hidden = groupNormLayer(scope.child("norm"), convLayer(scope.child("conv"), x, 8), 2);
        const gate = sigmoid(hidden);
        return customVjp(
          sub(1, gate),
          [hidden, gate],
          (gradient, _result, [, gate]) => [mul(gradient, mul(gate, sub(gate, 1)))],
          "elementwise",
        );
      },
    ],
  ])("has the gradients of a network with %s", async (_, network) => {
    expect((await differences(programOf(network))).gradient).toBeLessThan(1e-4);
  });

  test("has the gradients and running statistics of a batch-normalized network", async () => {
    const program = programOf((scope, x) => {
      const hidden = normRelu(scope.child("norm0"), convLayer(scope.child("conv0"), x, 8));
      return add(hidden, convLayer(scope.child("conv1"), normRelu(scope.child("norm1"), hidden), 8, { bias: false }));
    });
    const all = operators(program.graph("HWNC"));
    expect(all).not.toContain("Conv");
    expect(all).not.toContain("BatchNormalization");
    const { gradient, states } = await differences(program);
    expect(gradient).toBeLessThan(1e-4);
    expect(states).toBeLessThan(1e-5);
  });

  test("has the gradients of wide convolutions of large images", async () => {
    const program = programOf((scope, x) => {
      const first = silu(convLayer(scope.child("first"), reshape(x, [2, 6, 32, 32]), 64));
      return convLayer(scope.child("second"), silu(convLayer(scope.child("middle"), first, 64)), 64);
    });
    expect(operators(program.graph("HWNC"))).not.toContain("Conv");
    expect((await differences(program)).gradient).toBeLessThan(1e-4);
  });

  test("has the gradients and running statistics of classifiers that halve even sides or odd sides", async () => {
    const resnetOf = (padded: boolean) =>
      programOf((scope, x) =>
        resnet(scope, x, { widths: [16, 24], numClasses: 10, activation: "relu", padded, logitScale: 1 }),
      );
    const odd = resnetOf(false);
    expect(operators(odd.graph("HWNC"))).toEqual(operators(odd.graph("NCHW")));
    const names = operators(resnetOf(true).graph("HWNC"));
    expect(names).not.toContain("MaxPool");
    const { gradient, states } = await differences(resnetOf(true));
    expect(gradient).toBeLessThan(1e-4);
    expect(states).toBeLessThan(1e-5);
  });

  test("uses Winograd's form for large images only if there are enough channels", () => {
    const convs = (channels: number) => {
      const { graph } = buildTrainingProgram({
        residents: {},
        step: { x: { dtype: "float32", shape: [1, channels, 32, 32] } },
        optimizer: sgd(),
        stepsPerCall: 1,
        loss: ({ scope, step }) => mean(convLayer(scope, step["x"]!, channels)),
      });
      return operators(graph("HWNC")).filter((name) => name === "Conv").length;
    };
    expect(convs(32)).toBeGreaterThan(0);
    expect(convs(64)).toBe(0);
  });
});
