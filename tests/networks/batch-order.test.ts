import { expect, test } from "vitest";
import { alternatingFlips, batchIndices } from "../../networks/batch-order.ts";

test.each([
  [20, 5],
  [23, 7],
  [3, 8],
])(
  "every epoch of %d samples in batches of %d visits each sample once, in a different order",
  (numSamples, batchSize) => {
    const numEpochs = 4;
    const numSteps = Math.ceil((numEpochs * numSamples) / batchSize);
    const visits = Array.from({ length: numSteps }, (_, step) => [
      ...batchIndices(1, numSamples, batchSize, step),
    ]).flat();
    const epochs = Array.from({ length: numEpochs }, (_, epoch) =>
      visits.slice(epoch * numSamples, (epoch + 1) * numSamples).map(Number),
    );
    const all = Array.from({ length: numSamples }, (_, index) => index);
    for (const epoch of epochs) expect(epoch.toSorted((a, b) => a - b)).toEqual(all);
    if (numSamples > 10) expect(new Set(epochs.map(String)).size).toBe(numEpochs);
  },
);

test("batches are a pure function of seed and step", () => {
  expect(batchIndices(1, 50, 8, 3)).toEqual(batchIndices(1, 50, 8, 3));
  expect(batchIndices(2, 50, 8, 3)).not.toEqual(batchIndices(1, 50, 8, 3));
});

test("alternating flips mirror each sample in every second epoch, half of them in the first, another half for another seed", () => {
  const [numSamples, batchSize, numEpochs] = [230, 32, 4];
  const firstFlips = (seed: number) => {
    const flips = Array.from({ length: numEpochs }, () => new Array<number>(numSamples));
    const visits = Array.from({ length: Math.ceil((numEpochs * numSamples) / batchSize) }, (_, step) => {
      const indices = batchIndices(seed, numSamples, batchSize, step);
      const flipped = alternatingFlips(seed, numSamples, indices, step);
      return Array.from(indices, (sample, index) => [Number(sample), flipped[index]!] as const);
    }).flat();
    for (const [position, [sample, flip]] of visits.slice(0, numEpochs * numSamples).entries())
      flips[Math.floor(position / numSamples)]![sample] = flip;
    const [first, second, third, fourth] = flips;
    expect(second).toEqual(first!.map((flip) => 1 - flip));
    expect([third, fourth]).toEqual([first, second]);
    return first!;
  };
  const first = firstFlips(1);
  const numFlipped = first.reduce((sum, flip) => sum + flip, 0);
  expect(Math.abs(numFlipped - numSamples / 2)).toBeLessThan(4 * Math.sqrt(numSamples / 4));
  expect(firstFlips(2)).not.toEqual(first);
});
