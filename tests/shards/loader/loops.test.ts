import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { collectBatches, idsOf, openTestDataset } from "../../support/open-test-dataset.ts";

const options = { regime: "finite", numSamples: 60, epochs: 1, batchSize: 9, seed: 5, dropLast: false } as const;

test.each([0, 1])("two loops over one loader serve each batch once, in order (%i threads)", async (workers) => {
  const dataset = await openTestDataset();
  const expected = idsOf(await collectBatches(dataset.loader(options)));
  const loader = dataset.loader({ ...options, workers });
  const loops = [loader[Symbol.asyncIterator](), loader[Symbol.asyncIterator]()] as const;
  const served: number[] = [];
  for (let turn = 0; served.length < expected.length; turn++) {
    // The first loop takes two batches, the second one, the first two, and so on.
    const { value } = await loops[turn % 3 === 2 ? 1 : 0].next();
    served.push(...value!.ids);
  }
  expect(served).toEqual(expected);
  for (const loop of loops) await loop.return?.();
});

test.each([0, 1])("two loops that run at once over one loader serve each batch once (%i threads)", async (workers) => {
  const dataset = await openTestDataset();
  const expected = idsOf(await collectBatches(dataset.loader(options)));
  const loader = dataset.loader({ ...options, workers });
  const served = (await Promise.all([collectBatches(loader), collectBatches(loader)])).flatMap(idsOf);
  expect(served.sort()).toEqual(expected.sort());
});

test("loops that have ended leave no listener at the signal", async () => {
  const dataset = await openTestDataset();
  const { signal } = new AbortController();
  for (let loop = 0; loop < 3; loop++) {
    for await (const _ of dataset.loader({ ...options, workers: 1, signal })) break;
  }
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
