import { expect, test } from "vitest";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { writeSpeed } from "../../../pipeline/run/speed.ts";
import { openPace } from "../../../pipeline/run/unit-pace.ts";
import { planUnits } from "../../../pipeline/run/units.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

const [unit, , , small] = planUnits([{ count: 310, testCount: 0 }], 100);

async function paceOf(deadlineMs: number | undefined, imagesPerSecond?: number) {
  const folder = runFolderAt(await makeTestFolder());
  if (imagesPerSecond !== undefined) await writeSpeed(folder, { sample: imagesPerSecond, label: 1e6 });
  let nowMs = 0;
  const pace = openPace({ stages: ["sample"], folder, deadlineMs, startMs: 0, clock: () => nowMs });
  return { pace, wait: (ms: number) => (nowMs += ms) };
}

test("a unit is begun if the slowest one so far would end before the deadline", async () => {
  const { pace, wait } = await paceOf(30_000);
  for (const ms of [5000, 10_000]) {
    const finished = await pace.begin(unit!);
    wait(ms);
    finished();
  }
  await pace.begin(unit!);
  wait(5001);
  const error = await errorOf(() => pace.begin(unit!), "run/no-time-left");
  expect(error.message).toMatch(/^train-00000 needs about 10 s, and 10 s are left before the walltime\. /);
  await pace.begin(small!);
});

test("the first unit is judged by the speed that prepare measured", async () => {
  const { pace, wait } = await paceOf(30_000, 10);
  await pace.begin(unit!);
  wait(25_000);
  await errorOf(() => pace.begin(unit!), "run/no-time-left");
});

test("a unit that needs more than half of the whole walltime is a failure, so that nobody begins it for ever", async () => {
  const { pace, wait } = await paceOf(30_000, 5);
  wait(15_000);
  const error = await errorOf(() => pace.begin(unit!), "run/walltime-too-short");
  expect(error.message).toContain("needs about 20 s of the 30 s that this process has");
});

test("without a deadline, or without a measurement, every unit is begun", async () => {
  await (await paceOf(undefined, 0.001)).pace.begin(unit!);
  await (await paceOf(1)).pace.begin(unit!);
});
