import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { Graph } from "../../engine/graph/graph.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { readForeignGenerator } from "../../generator/foreign-denoiser.ts";
import { createLabeler } from "../../labeler/create-labeler.ts";
import { readModelFile } from "../../pipeline/models/read-model-file.ts";
import { runPython } from "../support/run-python.ts";

/** What the export needs. */
export const exportModules = ["torch", "onnx", "onnxscript"];

/** Exports small models with the example into a folder, and compares D(x; sigma) and labels with PyTorch's, to 1e-4. */
export async function compareExport(folder: string, prediction: string, diffusers: boolean): Promise<void> {
  const numImages = 4;
  await runPython("examples/export_models.py", [folder, prediction], { sigmas: [0.02, 0.3, 1.5, 8], diffusers });
  const floats = async (name: string) => new Float32Array(Uint8Array.from(await readFile(join(folder, name))).buffer);
  const graph = new Graph();
  const noisy = graph.input("noisy", "float32", [numImages, 3, 32, 32]);
  const sigma = graph.input("sigma", "float32", [numImages]);
  const classes = graph.input("classes", "int64", [numImages]);
  const generator = readForeignGenerator(await readModelFile(join(folder, "generator.onnx")));
  graph.output("clean", generator.denoiser(noisy, sigma, classes));
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  const { clean } = await executable.run({
    noisy: tensorData("float32", noisy.shape, await floats("noisy.f32")),
    sigma: tensorData("float32", sigma.shape, await floats("sigmas.f32")),
    classes: tensorData("int64", classes.shape, [0, 1, 2, 3]),
  });
  await executable.release();
  expect(largestDifference(clean!.data as Float32Array, await floats("clean.f32"))).toBeLessThan(1e-4);

  const labeler = await createLabeler({
    weights: await readModelFile(join(folder, "labeler.onnx")),
    batchSize: 3,
    engine: "onnxruntime",
    device: "cpu",
  });
  const probabilities = await labeler.label(await readFile(join(folder, "images.u8")));
  await labeler.close();
  expect(largestDifference(probabilities, await floats("probabilities.f32"))).toBeLessThan(1e-4);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index]!)), 0);
}
