import { expect, test } from "vitest";
import { runsPerSecond, timeRuns } from "../../../pipeline/models/time-runs.ts";

/** Work that takes the given milliseconds, one run after the other; the last number goes on. */
function workOf(...lengths: readonly number[]) {
  let [now, numRuns] = [0, 0];
  const run = async () => {
    now += lengths[Math.min(numRuns++, lengths.length - 1)]!;
  };
  return { run, clock: () => now, numRuns: () => numRuns };
}

test("the first run is not timed, and runs go on for the least time", async () => {
  const { run, clock } = workOf(1000, 40);
  const spentMs = await timeRuns(run, { leastMs: 100, clock });
  expect(spentMs).toEqual([40, 40, 40]);
  expect(runsPerSecond(spentMs)).toBe(25);
});

test("one run is timed at least, and no more than asked for", async () => {
  const once = workOf(5, 40);
  expect(await timeRuns(once.run, { leastMs: 0, clock: once.clock })).toEqual([40]);
  const short = workOf(1);
  expect(await timeRuns(short.run, { leastMs: 1000, mostRuns: 4, clock: short.clock })).toHaveLength(4);
});

test("a first run that takes long counts, and there is no second one", async () => {
  const { run, clock, numRuns } = workOf(5000);
  expect(await timeRuns(run, { leastMs: 100, longMs: 5000, clock })).toEqual([5000]);
  expect(numRuns()).toBe(1);
});

test("no run begins after the signal", async () => {
  const { run, clock, numRuns } = workOf(1);
  const controller = new AbortController();
  const stopping = async () => {
    await run();
    if (numRuns() === 3) controller.abort();
  };
  await expect(timeRuns(stopping, { leastMs: 1000, signal: controller.signal, clock })).rejects.toThrow(/abort/);
  expect(numRuns()).toBe(3);
});
