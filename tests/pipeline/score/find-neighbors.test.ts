import { expect, test } from "vitest";
import { findNeighbors } from "../../../pipeline/score/find-neighbors.ts";
import { countNearCopies, nearestRatio } from "../../../pipeline/score/memorization.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";
import { mirrored } from "../../support/stand-in-runtime.ts";

const train = Array.from({ length: 70 }, (_, index) => noiseBytes(`train ${index}`, 3072));
const images = [
  noiseBytes("fresh", 3072),
  train[11]!,
  mirrored(train[23]!),
  // A copy, but for some pixels.
  Uint8Array.from(train[5]!, (value, index) => (index < 90 ? 255 - value : value)),
];

function find(numNeighbors: number) {
  const progress = { signal: new AbortController().signal, count: () => undefined };
  return findNeighbors({ images: Buffer.concat(images), train: Buffer.concat(train), numNeighbors, ...progress });
}

test("the nearest train images, plain or mirrored, equal those of brute force", async () => {
  for (const [row, neighbors] of (await find(7)).entries()) {
    const all = train.map((other, index) => {
      const [plain, turned] = [images[row]!, mirrored(images[row]!)].map((view) =>
        Math.sqrt(view.reduce((sum, value, k) => sum + (value - other[k]!) ** 2, 0)),
      ) as [number, number];
      return { index, isMirrored: turned < plain, distance: Math.min(plain, turned) };
    });
    all.sort((a, b) => a.distance - b.distance);
    expect(neighbors).toEqual(all.slice(0, 7));
  }
});

test("copies, mirrored and nearly equal ones are counted as near-copies, fresh images are not", async () => {
  const found = await find(50);
  expect(found.map(([nearest]) => nearest!.index).slice(1)).toEqual([11, 23, 5]);
  expect(found[2]![0]).toEqual({ index: 23, isMirrored: true, distance: 0 });
  expect(nearestRatio(found[0]!)).toBeGreaterThan(0.9);
  expect(countNearCopies(found)).toMatchObject({ count: 4, nearCopies: 3, adaptiveNearCopies: 3 });
});

test("a train image with a twin deceives the ratio, not the adaptive test", () => {
  const at = (distance: number) => ({ index: 0, isMirrored: false, distance });
  const twins = [at(100), at(110), ...Array.from({ length: 48 }, () => at(2000))];
  expect(countNearCopies([twins])).toMatchObject({ nearCopies: 0, adaptiveNearCopies: 1 });
});
