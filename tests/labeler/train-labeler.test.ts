import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../engine/parameters/safetensors.ts";
import type { TrainingStore } from "../../engine/training/run-training.ts";
import { type LabelerTrainingOptions, labelerTrainingSchema } from "../../labeler/options.ts";
import { emaOf, trainLabeler } from "../../labeler/train-labeler.ts";
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

test.each([
  [1, { start: 1 / 30, decay: 0 }],
  [15, { start: 0.5, decay: 0 }],
  [300, { start: 10, decay: 0.95 }],
  [1500, { start: 50, decay: 0.99 }],
  [6125, { start: 50, decay: 0.99 }],
])("a training of %d steps averages over a fifteenth of them, and over 100 steps at most", (totalSteps, ema) => {
  expect(emaOf(totalSteps)).toEqual(ema);
});

test("a short training keeps averaged weights; one that an earlier release began keeps the last ones, as it did then", async () => {
  const vectorsOf = async (store: TrainingStore) => readSafetensors((await store.load())!, "the checkpoint").tensors;
  const [ours, earlier] = [await interrupted(), await interrupted()];
  await asOfEarlier(earlier);
  // The average of earlier releases had not begun yet.
  const before = await vectorsOf(earlier);
  before.get("average")!.data.set(before.get("parameters")!.data);
  await earlier.save(
    writeSafetensors({ tensors: before, metadata: readSafetensors((await earlier.load())!, "it").metadata }, "F32"),
    10,
  );
  await train(ours);
  await train(earlier);
  const [now, then] = [await vectorsOf(ours), await vectorsOf(earlier)];
  expect(then.get("parameters")).toEqual(now.get("parameters"));
  expect(then.get("average")).toEqual(then.get("parameters"));
  expect(now.get("average")).not.toEqual(now.get("parameters"));
});

test("a training goes on from a checkpoint of a release that had neither cutout nor alternating flips, and not with them", async () => {
  const store = await interrupted();
  await asOfEarlier(store);
  for (const [option, shown] of [
    [{ cutout: 8 }, '"cutout":8'],
    [{ flip: "alternating" }, '"flip":"alternating"'],
  ] as const) {
    const { message } = await errorOf(() => train(store, option), "train/config-changed");
    expect(message).toContain(shown);
  }
  await train(store);
  expect(store.savedSteps.at(-1)).toBe(25);
});

test("a checkpoint is refused if the labels or the images are others", async () => {
  const store = await interrupted();
  for (const other of [
    { ...data, labels: data.labels.toReversed() },
    { ...data, images: data.images.toReversed() },
  ]) {
    await errorOf(() => train(store, {}, { data: other }), "train/config-changed");
  }
});

test("whitening filters come from images of all classes, if the images are in order of their classes", async () => {
  // 2,000 black images, then as many of noise: of black ones alone, filters are as large as they can be.
  const images = new Uint8Array(4000 * 3072);
  for (let half = 50; half < 100; half++) images.set(randomImages(40), half * 40 * 3072);
  const store = memoryStore();
  const options = { epochs: 1e-9, batchSize: 1 };
  await train(store, options, { data: { images, labels: new Uint8Array(4000) } });
  const filters = readSafetensors((await store.load())!, "it")
    .tensors.get("parameters")!
    .data.subarray(0, 288);
  expect(Math.max(...filters.map(Math.abs))).toBeLessThan(10);
});

test.each([{ cutout: 8 }, { flip: "alternating" }] as const)(
  "%j changes the weights, and an interrupted training with it ends in the same ones",
  async (option) => {
    const whole = await train(memoryStore(), option);
    expect(await train(await interrupted(option), option)).toEqual(whole);
    expect(whole).not.toEqual(await train(memoryStore()));
  },
);
