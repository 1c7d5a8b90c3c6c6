import { describe, expect, test } from "vitest";
import { fillNormals, randomStreams } from "../../core/random.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { constantScope } from "../../engine/parameters/constant-scope.ts";
import { initialParameters, totalSize, unflattenParameters } from "../../engine/parameters/parameters.ts";
import { traceParameters } from "../../engine/parameters/trace-parameters.ts";
import { tfjsEngine } from "../../engine/tfjs/tfjs-engine.ts";
import {
  buildExperimentNetwork,
  type ExperimentNetworkOptions,
  experimentNetworkSchema,
  experimentNetworks,
  experimentPresets,
} from "../../networks/experiment-networks.ts";

const tiny = [
  { name: "mlp", width: 8, depth: 1 },
  { name: "mcnn", width: 2 },
  { name: "resnet18k", width: 2 },
  { name: "vgg11", width: 8 },
  { name: "vit", patch: 16, dim: 8, depth: 1, heads: 2, mlp: 12 },
  { name: "densenet", growth: 2, depths: [1, 1] },
];

function survey(options: ExperimentNetworkOptions) {
  return traceParameters((scope, graph) =>
    buildExperimentNetwork(scope, graph.input("images", "float32", [2, 3, 32, 32]), options),
  );
}

/** Logits with running statistics. Filters are large, so that the logits of different images differ. */
async function logitsOf(options: ExperimentNetworkOptions) {
  const { parameters, states } = survey(options);
  const widened = parameters.map((spec) =>
    spec.initializer.kind === "normal"
      ? { ...spec, initializer: { kind: "normal" as const, std: spec.initializer.std * Math.sqrt(6) } }
      : spec,
  );
  const weights = new Map([
    ...unflattenParameters(parameters, initialParameters(widened, 4)),
    ...states.map(
      ({ name, shape, value }) => [name, { shape, data: new Float32Array(shape[0]!).fill(value + 0.1) }] as const,
    ),
  ]);
  const images = new Float32Array(2 * 3072);
  fillNormals({ seed: 8, stream: randomStreams.sampleNoise, id: 0 }, images);
  const graph = new Graph();
  const x = graph.constant({ dtype: "float32", shape: [2, 3, 32, 32], data: images });
  graph.output("logits", buildExperimentNetwork(constantScope(graph, weights), x, options));
  const engines = [onnxruntimeEngine({ numThreads: 1 }), await tfjsEngine({ device: "cpu" })];
  return Promise.all(
    engines.map(async (engine) => {
      const executable = await engine.compile(graph);
      const { logits } = await executable.run({});
      await executable.release();
      return logits!;
    }),
  );
}

test.each([
  ["mlp", 14_718_986],
  ["mcnn", 1_558_026],
  ["resnet18k", 11_171_146],
  ["vgg11", 9_231_114],
  ["vit", 85_152_010],
  ["densenet", 1_000_618],
])("%s of the size in the paper has %d parameters", (name, count) => {
  expect(totalSize(survey(experimentNetworkSchema.parse({ name })).parameters)).toBe(count);
});

describe.each(tiny)("$name", (network) => {
  test("gives the same logits on both engines to 1e-5", async () => {
    const [ours, oracle] = await logitsOf(experimentNetworkSchema.parse({ ...network, numClasses: 4 }));
    expect(ours!.shape).toEqual([2, 4]);
    ours!.data.forEach((value, index) => {
      expect(Number(value)).toBeCloseTo(Number(oracle!.data[index]), 5);
    });
    expect(new Set(Array.from(ours!.data, Number)).size).toBe(8);
  });

  test("uses random numbers in training only, and only if dropout is not 0", async () => {
    const withSome = experimentNetworkSchema.parse({ ...network, dropout: 0.5 });
    const without = experimentNetworkSchema.parse(network);
    expect(survey(without).randoms).toEqual([]);
    expect(survey(withSome).randoms.length).toBeGreaterThan(0);
    expect(survey(withSome).parameters).toEqual(survey(without).parameters);
    expect((await logitsOf(withSome))[0]).toEqual((await logitsOf(without))[0]);
  });

  test("ends with a layer named head, the only one that depends on the number of classes", () => {
    const [ten, four] = [10, 4].map((numClasses) => survey(experimentNetworkSchema.parse({ ...network, numClasses })));
    const changed = ten!.parameters.filter(
      (spec, index) => spec.shape.join() !== four!.parameters[index]!.shape.join(),
    );
    expect(changed.map(({ name }) => name)).toEqual(["head.weight", "head.bias"]);
    expect(ten!.states).toEqual(four!.states);
  });
});

test.each(Object.keys(experimentPresets))("the preset %s is a network of less than 2.2 M parameters", (preset) => {
  const options = experimentNetworkSchema.parse(preset);
  expect(Object.keys(experimentNetworks)).toContain(options.name);
  expect(totalSize(survey(options).parameters)).toBeLessThan(2.2e6);
});

test.each([
  ["resnet18k-smal", "resnet18k-small"],
  [{ name: "resnet" }, "mlp, mcnn, resnet18k"],
  [{ width: 16 }, "mlp, mcnn, resnet18k"],
  [{ name: "resnet18k", with: 16 }, "with"],
  [{ name: "vit", dim: 100, heads: 3 }, "must divide dim"],
  [{ name: "mcnn", width: 0 }, ">=1"],
])("the network %j is refused with a hint", (network, hint) => {
  const { error } = experimentNetworkSchema.safeParse(network);
  expect(error?.issues).toHaveLength(1);
  expect(error?.issues[0]?.message).toContain(hint);
});
