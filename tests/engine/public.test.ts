import { expect, test } from "vitest";
import * as engine from "../../engine/index.ts";

test("the public face has namespaces, and no internals", () => {
  const { ops, nn, optim, training, onnx } = engine;
  for (const namespace of [ops, nn, optim, training, onnx]) expect(Object.keys(namespace).length).toBeGreaterThan(5);
  const names = [engine, ops, nn, optim, training, onnx].flatMap((face) => Object.keys(face));
  for (const internal of ["broadcastShapes", "scalarLike", "onnxTypes", "normalizeAxes", "insertHwnc"]) {
    expect(names).not.toContain(internal);
  }
});

test("names of before the namespaces still work for one release", () => {
  expect(engine.crossEntropy).toBe(engine.nn.crossEntropy);
  expect(engine.sgd).toBe(engine.optim.sgd);
  expect(engine.Trainer).toBe(engine.training.Trainer);
  expect(engine.buildTrainingProgram).toBe(engine.training.buildTrainingProgram);
});
