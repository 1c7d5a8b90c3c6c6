import { describe, expect, it } from "vitest";
import { silu } from "../../../engine/composites/activations.ts";
import { createEngine } from "../../../engine/create-engine.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { sizeOf, type TensorData, tensorData } from "../../../engine/graph/tensor.ts";
import { writeOnnx } from "../../../engine/onnx/write-onnx.ts";
import { createSession, runSession } from "../../../engine/onnxruntime/session.ts";
import { conv2d } from "../../../engine/ops/conv.ts";
import { add } from "../../../engine/ops/elementwise.ts";
import { loop } from "../../../engine/ops/loop.ts";
import { maxPool } from "../../../engine/ops/pool.ts";
import { constantScope } from "../../../engine/parameters/constant-scope.ts";
import { initialParameters, unflattenParameters } from "../../../engine/parameters/parameters.ts";
import { traceParameters } from "../../../engine/parameters/trace-parameters.ts";
import { rewriteHwnc } from "../../../engine/rewrite/hwnc.ts";
import { unet } from "../../../networks/unet.ts";
import { graphOf, normals, operators } from "../graphs.ts";

async function run(graph: Graph, feeds: Record<string, TensorData>): Promise<Float32Array> {
  const session = await createSession(writeOnnx(graph), { provider: "cpu", numThreads: 1 });
  const { y } = await runSession(session, feeds);
  await session.release();
  return y!.data as Float32Array;
}

/** The largest difference between the results of a graph and its rewritten form, relative to the largest value. */
async function difference(graph: Graph, feeds: Record<string, TensorData>): Promise<number> {
  const [before, after] = [await run(graph, feeds), await run(rewriteHwnc(graph), feeds)];
  const largest = Math.max(...before.map(Math.abs));
  return Math.max(...before.map((value, index) => Math.abs(value - after[index]!))) / largest;
}

describe("rewriting to the HWNC layout", () => {
  it.each([
    { sides: [16, 16], images: 1, channels: [32, 40] },
    { sides: [8, 16], images: 9, channels: [33, 32] },
    { sides: [4, 4], images: 16, channels: [64, 32] },
    { sides: [32, 24], images: 2, channels: [96, 64] },
    { sides: [20, 32], images: 1, channels: [64, 72] },
  ])("keeps the values of a convolution with $sides pixels, $images images, $channels channels", async (numbers) => {
    const [inputs, outputs] = numbers.channels as [number, number];
    const { graph, feeds } = graphOf([numbers.images, inputs, ...numbers.sides], (x) => {
      const filters = x.graph.constant(normals([outputs, inputs, 3, 3], 1 / Math.sqrt(9 * inputs)));
      return conv2d(x, filters, { padding: 1, bias: x.graph.constant(normals([outputs])) });
    });
    expect(operators(rewriteHwnc(graph))).not.toContain("Conv");
    expect(await difference(graph, feeds)).toBeLessThan(2e-5);
  });

  it.each(["groups", "magnitudes"] as const)(
    "keeps the values of a U-Net of normalized %s, with attention, pooling and skips on both sides of the border",
    async (normalization) => {
      const options = {
        channels: 32,
        multipliers: [1, 2, 2],
        blocks: 1,
        attentionResolutions: [8],
        patch: 1,
        numClasses: 10,
        normalization,
        dropout: 0,
      };
      const build = (scope: Parameters<typeof unet>[0], graph: Graph) => {
        const x = graph.input("x", "float32", [4, 3, 32, 32]);
        const noise = graph.input("noise", "float32", [4]);
        return unet(scope, x, noise, graph.input("classes", "int64", [4]), options);
      };
      const specs = traceParameters(build).parameters.map((spec) =>
        spec.initializer.kind === "constant" ? { ...spec, initializer: { kind: "normal", std: 0.1 } as const } : spec,
      );
      const graph = new Graph();
      graph.output("y", build(constantScope(graph, unflattenParameters(specs, initialParameters(specs, 3))), graph));
      const feeds = {
        x: normals([4, 3, 32, 32]),
        noise: normals([4]),
        classes: tensorData("int64", [4], [0, 3, 9, 10]),
      };
      const numConvs = (all: string[]) => all.filter((name) => name === "Conv").length;
      expect(numConvs(operators(rewriteHwnc(graph)))).toBeLessThan(numConvs(operators(graph)) / 2);
      expect(await difference(graph, feeds)).toBeLessThan(2e-5);
    },
  );

  it("rewrites the body of a loop", async () => {
    const { graph, feeds } = graphOf([4, 32, 8, 8], (x) => {
      const count = x.graph.constant(tensorData("int64", [], [3]));
      const { carried } = loop(count, 3, [x], (body, _iteration, [images]) => {
        const filters = body.constant(normals([32, 32, 3, 3], 0.05));
        return { carried: [add(images!, silu(conv2d(images!, filters, { padding: 1 })))], collected: [] };
      });
      return carried[0]!;
    });
    expect(operators(rewriteHwnc(graph))).not.toContain("Conv");
    expect(await difference(graph, feeds)).toBeLessThan(2e-5);
  });

  it("has one copy of filters that two convolutions share", () => {
    const { graph } = graphOf([4, 32, 8, 8], (x) => {
      const filters = x.graph.constant(normals([32, 32, 3, 3]));
      return conv2d(conv2d(x, filters, { padding: 1 }), filters, { padding: 1 });
    });
    const sizes = [...rewriteHwnc(graph).constants.values()].map(({ shape }) => sizeOf(shape));
    expect(sizes.filter((size) => size === 36 * 32 * 32)).toHaveLength(1);
  });

  it.each([
    [16, 32],
    [8, 24],
  ])("keeps the values of max pooling after a convolution, %i by %i pixels", async (height, width) => {
    const { graph, feeds } = graphOf([4, 64, height, width], (x) => {
      const filters = x.graph.constant(normals([64, 64, 3, 3], 1 / Math.sqrt(9 * 64)));
      return maxPool(conv2d(x, filters, { padding: 1 }), 2);
    });
    const names = operators(rewriteHwnc(graph));
    expect(names.filter((name) => ["Conv", "MaxPool"].includes(name))).toEqual([]);
    expect(await difference(graph, feeds)).toBeLessThan(2e-5);
  });

  it("converts the images back for any other pooling if there are enough channels", async () => {
    const pooled = (channels: number) =>
      graphOf([2, channels, 12, 12], (x) => {
        const filters = x.graph.constant(normals([channels, channels, 3, 3], 1 / Math.sqrt(9 * channels)));
        return maxPool(conv2d(x, filters, { padding: 1 }), 3);
      });
    const { graph: few } = pooled(32);
    expect(rewriteHwnc(few)).toBe(few);
    const { graph: many, feeds } = pooled(64);
    expect(operators(rewriteHwnc(many))).not.toContain("Conv");
    expect(await difference(many, feeds)).toBeLessThan(2e-5);
  });

  it("does not change a graph whose filters are not constant, or whose images are large or few", () => {
    const trained = new Graph();
    const x = trained.input("x", "float32", [16, 32, 8, 8]);
    trained.output("y", conv2d(x, trained.input("filters", "float32", [32, 32, 3, 3]), { padding: 1 }));
    expect(rewriteHwnc(trained)).toBe(trained);
    for (const shape of [
      [16, 32, 32, 32],
      [1, 32, 4, 4],
    ]) {
      const { graph } = graphOf(shape, (images) =>
        conv2d(images, images.graph.constant(normals([32, 32, 3, 3])), { padding: 1 }),
      );
      expect(rewriteHwnc(graph)).toBe(graph);
    }
  });

  it("is what the CPU engine runs, and agrees with TensorFlow.js", async () => {
    const { graph, feeds } = graphOf([4, 32, 8, 8], (x) =>
      silu(conv2d(x, x.graph.constant(normals([32, 32, 3, 3], 0.05)), { padding: 1 })),
    );
    const results: Float32Array[] = [];
    for (const name of ["onnxruntime", "tfjs"] as const) {
      const executable = await (await createEngine(name, { device: "cpu" })).compile(graph);
      results.push((await executable.run(feeds))["y"]!.data as Float32Array);
      await executable.release();
    }
    const [ours, theirs] = results as [Float32Array, Float32Array];
    expect(ours.findIndex((value, index) => Math.abs(value - theirs[index]!) > 2e-5)).toBe(-1);
  });
});
