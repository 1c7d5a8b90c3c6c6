import { expect, test } from "vitest";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { largestDifference } from "../../support/largest-difference.ts";
import { smallGeneratorTraining, train } from "../../support/small-training.ts";

test("50 steps of a tiny U-Net have the same losses on both engines to 1e-3", async () => {
  const calls = [10, 10, 10, 10, 10];
  const ours = await train(onnxruntimeEngine(), smallGeneratorTraining(), calls);
  const oracle = await train(await tfjsEngine({ device: "cpu" }), smallGeneratorTraining(), calls);
  expect(oracle.losses).toHaveLength(50);
  expect(largestDifference(ours.losses, oracle.losses)).toBeLessThan(1e-3);
  expect(mean(ours.losses.slice(-10))).toBeLessThan(mean(ours.losses.slice(0, 10)));
});

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
