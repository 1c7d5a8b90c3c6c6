import { expect, test } from "vitest";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { unflattenParameters } from "../../../engine/parameters/parameters.ts";
import { tfjsEngine } from "../../../engine/tfjs/tfjs-engine.ts";
import { runTraining } from "../../../engine/training/run-training.ts";
import { Trainer } from "../../../engine/training/trainer.ts";
import { initialState, stateFromWeights, type TrainingState } from "../../../engine/training/training-state.ts";
import { errorOf } from "../../support/expect-error.ts";
import { largestDifference } from "../../support/largest-difference.ts";
import { memoryStore } from "../../support/memory-store.ts";
import { smallGeneratorTraining, smallLabelerTraining, train } from "../../support/small-training.ts";

const onnxruntime = onnxruntimeEngine();
const trainings = [
  ["generator", smallGeneratorTraining],
  ["labeler", () => smallLabelerTraining()],
  ["labeler with cutout and alternating flips", () => smallLabelerTraining({ cutout: 12, flip: "alternating" })],
] as const;

function expectSameBits(left: TrainingState, right: TrainingState): void {
  expect(left.step).toBe(right.step);
  expect(Object.keys(left.vectors).sort()).toEqual(Object.keys(right.vectors).sort());
  for (const [name, values] of Object.entries(left.vectors)) {
    const bytes = (array: Float32Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    expect(bytes(values).equals(bytes(right.vectors[name]!)), name).toBe(true);
  }
}

test("8 steps of a tiny U-Net have the same losses on both engines to 1e-3", async () => {
  const ours = await train(onnxruntime, smallGeneratorTraining(), [8]);
  const oracle = await train(await tfjsEngine({ device: "cpu" }), smallGeneratorTraining(), [8]);
  expect(oracle.losses).toHaveLength(8);
  expect(largestDifference(ours.losses, oracle.losses)).toBeLessThan(1e-3);
});

test.each(trainings.slice(1))(
  "6 steps of a tiny %s have the same losses and running statistics on both engines to 1e-3",
  async (_, make) => {
    const ours = await train(onnxruntime, make(), [6]);
    const oracle = await train(await tfjsEngine({ device: "cpu" }), make(), [6]);
    expect(largestDifference(ours.losses, oracle.losses)).toBeLessThan(1e-3);
    const statistics = [ours, oracle].map(({ state }) => [...state.vectors["states"]!]);
    expect(largestDifference(statistics[0]!, statistics[1]!)).toBeLessThan(1e-3);
  },
);

test.each(trainings)(
  "training the %s twice gives the same bits, however its steps are split into calls",
  async (_, make) => {
    const once = await train(onnxruntime, make(), [9]);
    const again = await train(onnxruntime, make(), [9]);
    const inParts = await train(onnxruntime, make(), [1, 5, 3]);
    expect(again.losses).toEqual(once.losses);
    expect(inParts.losses).toEqual(once.losses);
    expectSameBits(again.state, once.state);
    expectSameBits(inParts.state, once.state);
  },
);

test.each(trainings)(
  "the %s, interrupted after step 3 and resumed from its checkpoint, ends in the same bits",
  async (_, make) => {
    const store = memoryStore();
    const run = {
      ...make(),
      engine: onnxruntime,
      batchSize: 4,
      totalSteps: 7,
      stepsPerCheckpoint: 3,
      fingerprint: "small",
    };
    const abort = new AbortController();
    const stopped = runTraining({ ...run, store, signal: abort.signal, onProgress: () => abort.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
    expect(store.savedSteps).toEqual([3]);
    const resumed = await runTraining({ ...run, store });
    expect(store.savedSteps).toEqual([3, 6, 7]);
    const { state } = await train(onnxruntime, make(), [7]);
    expectSameBits(resumed, state);
  },
);

test("a checkpoint of a run with other options is refused", async () => {
  const store = memoryStore();
  const run = { ...smallLabelerTraining(), engine: onnxruntime, batchSize: 4, stepsPerCheckpoint: 1, store };
  await runTraining({ ...run, totalSteps: 1, fingerprint: "one" });
  const other = runTraining({ ...run, totalSteps: 2, fingerprint: "two" });
  await expect(other).rejects.toMatchObject({ code: "train/config-changed" });
});

test("a state of another program is refused by the vector that differs", async () => {
  const { program, ...rest } = smallLabelerTraining();
  const state = initialState(program, 1);
  const { parameters: whole, ...others } = state.vectors;
  for (const [vectors, seen] of [
    [others, "none"],
    [{ ...others, parameters: whole!.subarray(1) }, String(whole!.length - 1)],
  ] as const) {
    const create = () => Trainer.create({ ...rest, program, engine: onnxruntime, state: { ...state, vectors } });
    const { message } = await errorOf(create, "train/wrong-checkpoint");
    expect(message).toContain(`the checkpoint's "parameters" must have ${whole!.length} numbers, got ${seen}. `);
  }
});

test("a loss that is not finite stops the training and does not change the state", async () => {
  const training = smallLabelerTraining();
  const trainer = await Trainer.create({ ...training, engine: onnxruntime });
  const before = trainer.state;
  const wild = Array.from({ length: 6 }, (_, step) => ({ ...training.inputsOf(step), learningRate: 1e30 }));
  await expect(trainer.advance(wild)).rejects.toMatchObject({ code: "train/diverged" });
  expect(trainer.state).toBe(before);
  await trainer.release();
});

test("weights that become infinite after a finite loss are never saved", async () => {
  const training = smallGeneratorTraining();
  const store = memoryStore();
  const run = runTraining({
    ...training,
    inputsOf: (step) => ({ ...training.inputsOf(step), learningRate: step < 6 ? 1e-3 : 1e39 }),
    ...{ engine: onnxruntime, store, batchSize: 4, totalSteps: 12, stepsPerCheckpoint: 1, fingerprint: "wild" },
  });
  await expect(run).rejects.toMatchObject({
    code: "train/diverged",
    message: expect.stringContaining("after step 7 "),
  });
  expect(store.savedSteps).toEqual([1, 2, 3, 4, 5, 6]);
});

test.each(trainings)(
  "training the %s from given weights starts with them, and refuses weights of another network",
  (_, make) => {
    const { program, seed } = make();
    const trained = initialState(program, seed + 1).vectors;
    const weights = new Map([
      ...unflattenParameters(program.parameters, trained["parameters"]!),
      ...unflattenParameters(program.states, trained["states"] ?? new Float32Array()),
    ]);
    const state = stateFromWeights(program, seed, weights);
    expectSameBits(state, initialState(program, seed + 1));
    const { name } = program.parameters[0]!;
    weights.delete(name);
    expect(() => stateFromWeights(program, seed, weights)).toThrowError(
      expect.objectContaining({ code: "weights/wrong-architecture", message: expect.stringContaining(name) }),
    );
  },
);
