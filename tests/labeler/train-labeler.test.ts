import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../engine/parameters/safetensors.ts";
import type { TrainingStore } from "../../engine/training/run-training.ts";
import { type LabelerTrainingOptions, labelerTrainingSchema } from "../../labeler/options.ts";
import { trainLabeler } from "../../labeler/train-labeler.ts";
import { errorOf } from "../support/expect-error.ts";
import { memoryStore } from "../support/memory-store.ts";
import { randomImages } from "../support/small-training.ts";

const numImages = 40;
const data = { images: randomImages(numImages), labels: Uint8Array.from({ length: numImages }, (_, i) => i % 10) };
/** 25 steps. */
const small = labelerTrainingSchema.parse({ widths: [4, 8], batchSize: 16, epochs: 10, heldOut: 0 });

function train(store: TrainingStore, options: Partial<LabelerTrainingOptions> = {}, more = {}): Promise<Uint8Array> {
  return trainLabeler({
    data,
    options: { ...small, ...options },
    store,
    seed: 3,
    engine: "onnxruntime",
    device: "cpu",
    ...more,
  });
}

/** The store of a training that was interrupted after 10 steps. */
async function interrupted(options: Partial<LabelerTrainingOptions> = {}) {
  const store = memoryStore();
  const abort = new AbortController();
  await errorOf(() => train(store, options, { signal: abort.signal, onProgress: () => abort.abort() }), "interrupted");
  expect(store.savedSteps).toEqual([10]);
  return store;
}

/** Lets the newest checkpoint be one of an earlier release. */
async function asOfEarlier(store: TrainingStore): Promise<void> {
  const { tensors, metadata } = readSafetensors((await store.load())!, "the checkpoint");
  const fingerprint =
    '{"model":"labeler","options":{"widths":[4,8],"padded":true,"activation":"relu","epochs":10,"batchSize":16,' +
    '"optimizer":"muon","learningRate":0.3,"muonLearningRate":0.08,"muonWeightDecay":0.01,"weightDecay":0.0005,' +
    '"labelSmoothing":0.1,"translation":2,"jpeg":0.25,"heldOut":0},"seed":3,"numSamples":40}';
  await store.save(writeSafetensors({ tensors, metadata: { ...metadata, fingerprint } }, "F32"), 10);
}

test("a training goes on from a checkpoint of a release that had neither cutout nor alternating flips, and not with them", async () => {
  const whole = await train(memoryStore());
  const store = await interrupted();
  await asOfEarlier(store);
  for (const [option, shown] of [
    [{ cutout: 8 }, '"cutout":8'],
    [{ flip: "alternating" }, '"flip":"alternating"'],
  ] as const) {
    const { message } = await errorOf(() => train(store, option), "train/config-changed");
    expect(message).toContain(shown);
  }
  expect(await train(store)).toEqual(whole);
});

test.each([{ cutout: 8 }, { flip: "alternating" }] as const)(
  "%j changes the weights, and an interrupted training with it ends in the same ones",
  async (option) => {
    const whole = await train(memoryStore(), option);
    expect(await train(await interrupted(option), option)).toEqual(whole);
    expect(whole).not.toEqual(await train(memoryStore()));
  },
);
