import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { labelProbabilities, openDataset, toReadableStream, toTfDataset, writeDataset } from "../../../shards/index.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { collectBatches, hashBatch, openTestDataset } from "../../support/open-test-dataset.ts";

const options = { regime: "finite", numSamples: 40, epochs: 2, batchSize: 10, seed: 5 } as const;

test("a web stream has the batches of the loader, and a new one after canceling continues at the same position", async () => {
  const dataset = await openTestDataset();
  const expected = (await collectBatches(dataset.loader(options))).map(hashBatch);
  const loader = dataset.loader(options);
  const reader = toReadableStream(loader).getReader();
  const seen: string[] = [];
  for (let count = 0; count < 3; count++) seen.push(hashBatch((await reader.read()).value!));
  await reader.cancel();
  for await (const batch of toReadableStream(loader)) seen.push(hashBatch(batch));
  expect(seen).toEqual(expected);
});

test("a tf.data set trains a model: images, and labels as probabilities", async () => {
  const dataset = await openTestDataset();
  const loader = dataset.loader({ ...options, epochs: Infinity, dtype: "float32" });
  const model = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [32, 32, 3] }), tf.layers.dense({ units: 10, activation: "softmax" })],
  });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: "categoricalCrossentropy" });
  const { history } = await model.fitDataset(toTfDataset(tf, loader) as tf.data.Dataset<tf.TensorContainer>, {
    epochs: 5,
    batchesPerEpoch: loader.batchesPerEpoch,
    verbose: 0,
  });
  const losses = history["loss"] as number[];
  expect(losses).toHaveLength(5);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
});

test("without epochs, each epoch of fitDataset is one of the loader", async () => {
  const dataset = await openTestDataset();
  const loader = dataset.loader({ regime: "finite", numSamples: 40, batchSize: 10, dtype: "float32" });
  const model = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [32, 32, 3] }), tf.layers.dense({ units: 10, activation: "softmax" })],
  });
  model.compile({ optimizer: "sgd", loss: "categoricalCrossentropy" });
  const data = toTfDataset(tf, loader) as tf.data.Dataset<tf.TensorContainer>;
  const { epoch } = await model.fitDataset(data, { epochs: 3, verbose: 0 });
  expect(epoch).toEqual([0, 1, 2]);
  expect(loader.state()).toMatchObject({ epoch: 3, position: 0 });
});

/** Threads of this process, and files of a folder that it has open. */
function countHeld(folder: string): { threads: number; files: number } {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(join("/proc/self/fd", fd));
    } catch {
      return "";
    }
  });
  const files = links.filter((link) => link.startsWith(folder)).length;
  return { threads: readdirSync("/proc/self/task").length, files };
}

test.skipIf(process.platform !== "linux")(
  "loops that TensorFlow.js leaves hold threads and files until the next one, or until the data set is closed",
  async () => {
    const folder = await makeTestFolder();
    const images = new Uint8Array(10 * 3072);
    const train = Array.from({ length: 20 }, () => ({ images, labels: new Uint8Array(10) }));
    await writeDataset(folder, { classNames: ["one", "other"], train, rowsPerShard: 20 });
    const dataset = await openDataset(folder, { memoryBytes: 0 });
    const loader = dataset.loader({ regime: "infinite", batchSize: 4, seed: 0, workers: 2 });
    const held: number[] = [];
    for (let call = 1; call <= 4; call++) {
      await toTfDataset(tf, loader)
        .take(3)
        .forEachAsync((element) => tf.dispose(element));
      expect(loader.state()).toMatchObject({ position: 12 * call });
      held.push(countHeld(folder).threads);
    }
    // The first loop also starts threads of Node's own.
    expect(Math.max(...held)).toBe(held[0]);
    expect(countHeld(folder).files).toBeGreaterThan(0);
    dataset.close();
    while (countHeld(folder).files > 0 || countHeld(folder).threads > held[0]! - 2) await sleep(10);
  },
);

test("a tf.data set has the layout of its loader and the classes of its data set, and is of nothing else", async () => {
  const dataset = await openTestDataset();
  const loader = dataset.loader({ ...options, layout: "NCHW" });
  expect([loader.layout, loader.numClasses]).toEqual(["NCHW", 10]);
  expect(() => toTfDataset(tf, loader, { layout: "NHWC" })).toThrow(
    "layout must be that of the loader, NCHW, got NHWC. Leave it out.",
  );
  const iterable = (async function* () {})();
  for (const other of [dataset, iterable]) {
    expect(() => toTfDataset(tf, other as never)).toThrow(
      /^toTfDataset must get a loader, got .*Pass what dataset\.loader/,
    );
  }
  const folder = await makeTestFolder();
  await writeDataset(folder, {
    classNames: ["even", "odd", "neither"],
    train: [{ images: new Uint8Array(2 * 3072), labels: [1, 2] }],
  });
  const few = (await openDataset(folder)).loader({ regime: "finite", shuffle: false, batchSize: 2 });
  await toTfDataset(tf, few).forEachAsync((element) => {
    expect((element as unknown as { ys: tf.Tensor }).ys.arraySync()).toEqual([
      [0, 1, 0],
      [0, 0, 1],
    ]);
  });
});

test("a tf.data set may run ahead of a loader that fills the same arrays again", async () => {
  const dataset = await openTestDataset();
  const floats = { ...options, dtype: "float32" } as const;
  const expected = await collectBatches(dataset.loader<"float32">(floats));
  const data = toTfDataset(tf, dataset.loader<"float32">({ ...floats, reuseArrays: true }));
  const ahead = (await data.prefetch(3).toArray()) as unknown as { xs: tf.Tensor }[];
  expect(ahead.map(({ xs }) => xs.dataSync())).toEqual(expected.map(({ images }) => images));
});

test("a tf.data set holds what the loader serves, planar and mixed too", async () => {
  const dataset = await openTestDataset();
  const mixed = { ...options, dtype: "float32", layout: "NCHW", augment: { mixup: { alpha: 1 } } } as const;
  const expected = await collectBatches(dataset.loader<"float32">(mixed));
  let step = 0;
  const tfDataset = toTfDataset(tf, dataset.loader<"float32">(mixed));
  await tfDataset.forEachAsync((element) => {
    const { xs, ys } = element as unknown as { xs: tf.Tensor; ys: tf.Tensor };
    const batch = expected[step++]!;
    expect(xs.shape).toEqual([10, 3, 32, 32]);
    expect(xs.dataSync()).toEqual(batch.images);
    const rows = ys.arraySync() as number[][];
    for (const [row, probabilities] of rows.entries()) {
      const weight = batch.mixup!.weights[row]!;
      const [label, other] = [batch.labels[row]!, batch.mixup!.labels[row]!];
      expect(probabilities[label]).toBeCloseTo(label === other ? 1 : weight, 5);
      expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    }
  });
  expect(step).toBe(8);
  const bytes = toTfDataset(tf, dataset.loader({ ...options, epochs: 1 }));
  const [first] = await collectBatches(dataset.loader({ ...options, epochs: 1 }), 1);
  let numElements = 0;
  await bytes.take(1).forEachAsync((element) => {
    const { xs, ys } = element as unknown as { xs: tf.Tensor; ys: tf.Tensor };
    numElements++;
    expect([xs.dtype, xs.shape]).toEqual(["int32", [10, 32, 32, 3]]);
    expect(Uint8Array.from(xs.dataSync())).toEqual(first!.images);
    expect([...ys.argMax(1).dataSync()]).toEqual([...first!.labels]);
  });
  expect(numElements).toBe(1);
  expect(() => labelProbabilities({ labels: Int32Array.of(1, 15) }, 10)).toThrow(
    /numClasses must be more than every label, and a label is 15; got 10/,
  );
});
