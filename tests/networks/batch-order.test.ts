import { expect, test } from "vitest";
import { batchIndices } from "../../networks/batch-order.ts";

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
