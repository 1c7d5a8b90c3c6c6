import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LabeledImages } from "../../../core/image-layout.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { trainAndTest, trainingKinds } from "../../../pipeline/score/cross-errors.ts";
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
  const labeler: typeof standIn.train.labeler = async (task) => {
    seen.push(task.train);
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
  const [onCifar10, onSynthetic, onBoth] = seen;
  expect([onCifar10, onSynthetic]).toEqual([images.cifar10.train, images.synthetic.train]);
  expect([...onBoth!.labels]).toEqual([1, 2, 5]);
  expect([...onBoth!.images.subarray(2 * 3072 - 1, 2 * 3072 + 1)]).toEqual([3, 6]);
  expect(onBoth!.images.length).toBe(3 * 3072);
  await rm(folder, { recursive: true });
});
