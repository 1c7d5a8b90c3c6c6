import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LabeledImages } from "../../../core/image-layout.ts";
import { labelerSteps } from "../../../labeler/hold-out.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { classifierSteps, trainAndTest, trainingKinds } from "../../../pipeline/score/cross-errors.ts";
import { smallConfig, testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

/** An image for each label, all bytes the same. */
const imagesOf = (labels: readonly number[], byte: number): LabeledImages => ({
  images: new Uint8Array(labels.length * 3072).fill(byte),
  labels: Uint8Array.from(labels),
});

test("classifiers are trained on images of one kind or of both, and tested on each kind", async () => {
  const images = {
    cifar10: { train: imagesOf([1, 2], 3), test: imagesOf([3, 3, 3, 1], 3) },
    synthetic: { train: imagesOf([5], 6), test: imagesOf([6, 0], 6) },
  };
  const standIn = standInRuntime();
  const seen: LabeledImages[] = [];
  const epochs: number[] = [];
  const labeler: typeof standIn.train.labeler = async (task) => {
    seen.push(task.train);
    epochs.push(task.config.labeler.epochs);
    return await standIn.train.labeler(task);
  };
  const runtime = { ...standIn, train: { ...standIn.train, labeler } };
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-errors-"));
  const options = { images, folder, config: resolveConfig(smallConfig), runtime };
  const context = { signal: testContext().signal, onProgress: () => undefined };
  for (const kind of trainingKinds) {
    // The stand-in's answer is an image's first byte.
    expect(await trainAndTest(kind, options, context)).toEqual({ cifar10: 0.25, synthetic: 0.5 });
  }
  // 500 steps each: twice as many epochs of one kind as of both.
  const { batchSize } = options.config.labeler;
  expect(epochs.map((count, index) => (count * seen[index]!.labels.length) / batchSize)).toEqual([500, 500, 500]);
  const [onCifar10, onSynthetic, onBoth] = seen;
  expect([onCifar10, onSynthetic]).toEqual([images.cifar10.train, images.synthetic.train]);
  expect([...onBoth!.labels]).toEqual([1, 2, 5]);
  expect([...onBoth!.images.subarray(2 * 3072 - 1, 2 * 3072 + 1)]).toEqual([3, 6]);
  expect(onBoth!.images.length).toBe(3 * 3072);
  await rm(folder, { recursive: true });
});

test.each([
  [8, 256, 2000, 500],
  [8, 256, 50_000, 3125],
  [2, 64, 50_000, 3125],
])(
  "%d epochs in batches of %d of %d images of each kind are %d steps for every classifier",
  (epochs, batchSize, count, steps) => {
    const { labeler } = resolveConfig({ labeler: { epochs, batchSize } });
    expect(classifierSteps(labeler, count)).toBe(steps);
    for (const numImages of [count, 2 * count]) {
      const options = { heldOut: 0, batchSize, epochs: (steps * batchSize) / numImages };
      expect(labelerSteps(options, numImages)).toBe(steps);
    }
  },
);
