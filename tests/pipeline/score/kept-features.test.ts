import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cifar10 } from "../../../pipeline/cifar-10/open-cifar-10.ts";
import type { FeatureNet } from "../../../pipeline/score/feature-net.ts";
import { computeKeptFeatures } from "../../../pipeline/score/kept-features.ts";
import { computeCifar10Features } from "../../../pipeline/score/reference.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";

const numImages = 2300;
const images = Buffer.alloc(numImages * 3072, noiseBytes("images", 3072 + 7));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-features-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A network whose features are the first two bytes of an image. It counts the images. */
function countingNet(sha256 = "a network"): FeatureNet & { numSeen: number } {
  const net = {
    ...{ name: "first bytes", sha256, batchSize: 64, width: 2, numSeen: 0 },
    run: async (batch: Uint8Array) => {
      const count = batch.length / 3072;
      net.numSeen += count;
      return Float32Array.from({ length: 2 * count }, (_, index) => batch[(index >> 1) * 3072 + (index & 1)]! / 255);
    },
    close: async () => undefined,
  };
  return net;
}

/** Computes features, counts computed and kept ones, and interrupts after a given number. */
async function compute(folders: readonly string[], stopAfter = Number.POSITIVE_INFINITY) {
  const net = countingNet();
  const controller = new AbortController();
  const counts = { computed: 0, kept: 0 };
  const features = await computeKeptFeatures(net, images, folders, {
    signal: controller.signal,
    count: (more) => {
      counts.computed += more;
      if (counts.computed >= stopAfter) controller.abort();
    },
    countKept: (more) => {
      counts.kept += more;
    },
  }).catch(() => undefined);
  expect(net.numSeen).toBe(counts.computed);
  return { ...counts, values: features?.values };
}

test("interrupted features continue with the unfinished part, and equal those of an undisturbed call", async () => {
  const whole = await compute([join(folder, "whole")]);
  expect(whole).toMatchObject({ computed: numImages, kept: 0 });
  const kept = join(folder, "interrupted");
  expect(await compute([kept], 1500)).toMatchObject({ values: undefined });
  expect(await compute([kept], 900)).toMatchObject({ kept: 1000, values: undefined });
  expect(await compute([kept])).toEqual({ computed: 1300, kept: 1000, values: whole.values });
  expect(await compute([kept])).toEqual({ computed: 0, kept: numImages, values: whole.values });
});

test("a part that was cut or changed on the disk is computed again", async () => {
  const kept = join(folder, "damaged");
  const whole = await compute([kept]);
  const [first, second] = (await readdir(kept)).sort();
  await truncate(join(kept, first!), 1000);
  const bytes = await readFile(join(kept, second!));
  bytes[99]! ^= 1;
  await writeFile(join(kept, second!), bytes);
  expect(await compute([kept])).toEqual({ computed: 2000, kept: 300, values: whole.values });
  expect((await compute([kept])).kept).toBe(numImages);
});

test("if the shared folder cannot be written to, the run's folder is used, and nothing fails", async () => {
  const file = join(folder, "no-folder");
  await writeFile(file, "");
  const folders = [join(file, "features"), join(folder, "own")];
  const { values } = await compute(folders);
  expect(await compute(folders)).toEqual({ computed: 0, kept: numImages, values });
});

test("all runs of a user share features of CIFAR-10, separately for each network and each CIFAR-10", async () => {
  const part = { images: images.subarray(0, 3072 * 40), labels: new Uint8Array(40) };
  const cifar10: Cifar10 = { train: part, test: part, sha256: "a set" };
  const seen = async (run: string, net = countingNet(), of = cifar10) => {
    const progress = { signal: new AbortController().signal, count: () => undefined, countKept: () => undefined };
    const folders = { cache: join(folder, "cache"), scoring: join(folder, run) };
    await computeCifar10Features(net, of, "train", folders, progress);
    return net.numSeen;
  };
  expect(await seen("first")).toBe(40);
  expect(await seen("second")).toBe(0);
  expect(await readdir(folder)).not.toContain("first");
  expect(await seen("second", countingNet("another network"))).toBe(40);
  expect(await seen("second", countingNet(), { ...cifar10, sha256: "another set" })).toBe(40);
});
