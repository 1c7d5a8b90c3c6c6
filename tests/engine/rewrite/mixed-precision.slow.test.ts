import { expect, test } from "vitest";
import { createEngine } from "../../../engine/create-engine.ts";
import { Trainer } from "../../../engine/training/trainer.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../../engine/training/training-program.ts";
import type { TrainingState } from "../../../engine/training/training-state.ts";
import { largestDifference } from "../../support/largest-difference.ts";
import { smallGeneratorTraining } from "../../support/small-training.ts";

const float32 = await createEngine("onnxruntime");
const mixed = await createEngine("onnxruntime", { precision: "mixed" });

test("mixed precision trains a U-Net with nearly the losses of float32, also when it resumes from checkpoints", async () => {
  const training = smallGeneratorTraining();
  const program = buildTrainingProgram({ ...training.program.definition, scalesLoss: true });
  const train = async (engine: typeof mixed, calls: readonly number[], scaled: TrainingProgram) => {
    let state: TrainingState | undefined;
    const losses: number[] = [];
    for (const count of calls) {
      const trainer = await Trainer.create({ ...training, program: scaled, engine, state });
      const first = trainer.state.step;
      const steps = Array.from({ length: count }, (_, index) => training.inputsOf(first + index));
      losses.push(...(await trainer.advance(steps)));
      state = trainer.state;
      await trainer.release();
    }
    return { losses, state: state! };
  };
  const exact = await train(float32, [10, 10], training.program);
  const scaledOnly = await train(float32, [10, 10], program);
  const half = await train(mixed, [10, 10], program);
  const inParts = await train(mixed, [4, 7, 9], program);
  // Scaling by a power of two does not round.
  expect(largestDifference(scaledOnly.losses, exact.losses)).toBeLessThan(1e-5);
  expect(largestDifference(half.losses, exact.losses)).toBeGreaterThan(0);
  expect(largestDifference(half.losses, exact.losses)).toBeLessThan(0.02);
  expect(inParts.losses).toEqual(half.losses);
  expect(inParts.state.vectors).toEqual(half.state.vectors);
  expect([...half.state.vectors["lossScale"]!]).toEqual([2 ** 16, 20, 0]);
});
