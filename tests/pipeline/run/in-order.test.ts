import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inOrder } from "../../../pipeline/run/in-order.ts";

test("results come in the order of the items, and no more than asked for are under way", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 5 }),
      async (delays, atOnce) => {
        let [running, most] = [0, 0];
        const work = async (index: number) => {
          most = Math.max(most, ++running);
          await sleep(delays[index]);
          running--;
          return index;
        };
        const results: number[] = [];
        for await (const result of inOrder({ items: delays.keys(), atOnce, work })) results.push(result);
        expect(results).toEqual([...delays.keys()]);
        expect(most).toBe(Math.min(atOnce, delays.length));
      },
    ),
    { numRuns: 30 },
  );
});

test("an error comes when it is its turn, after which nothing is begun and works under way are waited for", async () => {
  const [begun, ended]: [number[], number[]] = [[], []];
  let isStopped = false;
  const results: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await sleep(item === 2 ? 1 : 10);
    ended.push(item);
    if (item === 2) throw new Error("two");
    return item;
  };
  const all = inOrder({ items: [1, 2, 3, 4, 5, 6], atOnce: 3, work, stop: () => (isStopped = true) });
  await expect(
    (async () => {
      for await (const result of all) results.push(result);
    })(),
  ).rejects.toThrow("two");
  expect(results).toEqual([1]);
  expect(isStopped).toBe(true);
  expect(begun).toEqual([1, 2, 3, 4]);
  expect(ended.toSorted()).toEqual(begun);
});

test("a caller that stops early closes the source of the items", async () => {
  const seen: string[] = [];
  function* items() {
    try {
      yield* [1, 2, 3, 4];
    } finally {
      seen.push("closed");
    }
  }
  for await (const result of inOrder({ items: items(), atOnce: 2, work: async (item) => item })) {
    seen.push(String(result));
    break;
  }
  expect(seen).toEqual(["1", "closed"]);
});
