import { getEventListeners } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { LoaderOptions } from "../../../shards/index.ts";
import { LoopCursor } from "../../../shards/loader/loop-cursor.ts";
import { resolveOptions } from "../../../shards/loader/resolve-options.ts";
import { Schedule } from "../../../shards/loader/schedule.ts";
import { collectBatches, idsOf, openTestDataset } from "../../support/open-test-dataset.ts";

const options = { regime: "finite", numSamples: 60, epochs: 1, batchSize: 9, seed: 5, dropLast: false } as const;

interface LoopVector {
  readonly title: string;
  readonly options: LoaderOptions;
  readonly state?: { readonly epoch: number; readonly position: number };
  readonly numBatches: number;
  readonly turns?: readonly (readonly [loop: number, epoch: number, step: number])[];
  readonly loops: readonly { readonly take?: number; readonly batches: readonly number[][]; readonly end: string }[];
  readonly after: { readonly epoch: number; readonly position: number };
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../docs/loop-vectors.json", import.meta.url), "utf8"),
) as LoopVector[];

// Threads take a second to start, so they serve only the first vector of either kind of loop.
const withThreads = [
  vectors.find(({ options }) => !("epochs" in options)),
  vectors.find(({ options }) => "epochs" in options),
];

test.each(
  vectors.flatMap((vector) =>
    [0, ...(withThreads.includes(vector) ? [1] : [])].map((workers) => ({ ...vector, workers })),
  ),
)(
  "docs/loop-vectors.json: $title ($workers threads)",
  async ({ options, state, numBatches, turns = [], loops, after, workers }) => {
    const dataset = await openTestDataset({ train: 23, rowsPerShard: 7 });
    const start = dataset.loader(options).state();
    const loader = dataset.loader({ ...options, workers, ...(state && { state: { ...start, ...state } }) });
    expect(loader.numBatches).toBe(numBatches);
    const atOnce = [loader[Symbol.asyncIterator](), loader[Symbol.asyncIterator]()];
    for (const [loop, epoch, step] of turns) expect((await atOnce[loop]!.next()).value).toMatchObject({ epoch, step });
    for (const { take, ...expected } of loops) {
      const batches: number[][] = [];
      let end = "end";
      try {
        for await (const { epoch, step } of loader) {
          if (batches.push([epoch, step]) < (take ?? Number.POSITIVE_INFINITY)) continue;
          end = "left";
          break;
        }
      } catch (error) {
        end = (error as { code: string }).code;
      }
      expect({ batches, end }).toEqual(expected);
    }
    expect(loader.state()).toMatchObject(after);
  },
);

test("a loop over one epoch is told that a further loop has started, and one that is over just ends", async () => {
  const dataset = await openTestDataset();
  const { epochs: _, ...byEpoch } = options;
  const loader = dataset.loader(byEpoch);
  const [first, second] = [loader[Symbol.asyncIterator](), loader[Symbol.asyncIterator]()] as const;
  await first.next();
  expect((await second.next()).value).toMatchObject({ epoch: 1, step: 7 });
  await expect(first.next()).rejects.toMatchObject({ code: "loader/overtaken" });
  for (let count = 0; count < 6; count++) await second.next();
  const third = loader[Symbol.asyncIterator]();
  expect((await third.next()).value).toMatchObject({ epoch: 2 });
  expect((await second.next()).done).toBe(true);
  await third.return?.();
});

test("a loop that starts while another one waits for its batch serves the whole next epoch", () => {
  const { epochs: _, ...byEpoch } = options;
  const resolved = resolveOptions(byEpoch, 60);
  const cursor = new LoopCursor(new Schedule(resolved, false), resolved, { epoch: 0, position: 9 });
  const first = cursor.start();
  const waited = cursor.next(first)!;
  const second = cursor.start();
  expect(() => cursor.advance(first, waited)).toThrow(/^a loop over one epoch must end before a further loop/);
  expect(cursor.next(second)).toEqual({ epoch: 1, start: 0, end: 9 });
});

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

test("a dozen loops at once, under one signal, are not a leak that Node warns of", async () => {
  const dataset = await openTestDataset({ train: 60, rowsPerShard: 30 });
  const { signal } = new AbortController();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => warnings.push(name);
  process.on("warning", onWarning);
  const loops = Array.from({ length: 12 }, () => dataset.loader({ ...options, signal })[Symbol.asyncIterator]());
  for (const loop of loops) await loop.next();
  await Promise.all(loops.map((loop) => loop.next()));
  for (const loop of loops) await loop.return?.();
  // Warnings come in a turn of their own.
  await new Promise(setImmediate);
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});
