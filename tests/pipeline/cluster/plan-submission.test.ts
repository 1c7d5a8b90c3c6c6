import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatRanks,
  type PlannedJob,
  planSubmission,
  type RunProgress,
} from "../../../pipeline/cluster/plan-submission.ts";
import { unitStages } from "../../../pipeline/run/unit-files.ts";
import { planUnits } from "../../../pipeline/run/units.ts";

const units = planUnits([{ count: 300, testCount: 100 }], 50);

function progressWith(
  given: Partial<RunProgress> & { readonly missing?: Readonly<Record<string, readonly number[]>> },
): RunProgress {
  const { missing = {}, ...others } = given;
  const done = unitStages.map((stage) => {
    const absent = missing[stage] ?? [];
    return [stage, new Set(units.filter(({ index }) => !absent.includes(index)).map(({ name }) => name))];
  });
  return { units, done: Object.fromEntries(done), isPrepared: true, manifest: undefined, isFinished: true, ...others };
}

const all = units.map(({ index }) => index);
const nothing = Object.fromEntries(unitStages.map((stage) => [stage, all]));
const plan = (progress: RunProgress, uploads = false) => planSubmission(progress, { tasks: 3, uploads });

test("a new run needs every job, and a finished one none", () => {
  expect(plan(progressWith({ missing: nothing, isPrepared: false, isFinished: false }))).toEqual([
    { name: "prepare" },
    { name: "sample", ranks: [0, 1, 2] },
    { name: "label", ranks: [0, 1, 2], afterRanksOf: "sample" },
    { name: "dedup" },
    { name: "publish", ranks: [0, 1, 2] },
    { name: "finish" },
  ]);
  expect(plan(progressWith({}))).toEqual([]);
  expect(plan(progressWith({}), true)).toEqual([{ name: "finish" }]);
  // Checked or uploaded it may not be, although the manifest is there.
  expect(plan(progressWith({ isFinished: false }))).toEqual([{ name: "finish" }]);
});

test("a rank whose samples are there is labeled at once, by a job of its own that waits for no other rank", () => {
  const missing = { sample: [4], label: [4, 5], fingerprint: [4, 5, 6] };
  expect(plan(progressWith({ missing, isFinished: false }))).toEqual([
    { name: "sample", ranks: [1] },
    { name: "label", ranks: [1], afterRanksOf: "sample" },
    { name: "label", ranks: [0, 2], after: ["prepare"] },
    { name: "finish" },
  ]);
});

test("whatever is missing, each missing unit is in a job of its stage, and no rank without one is", () => {
  const some = fc.subarray(all);
  fc.assert(
    fc.property(fc.record({ sample: some, label: some, fingerprint: some, dedup: some, publish: some }), (missing) => {
      const planned = plan(progressWith({ missing }));
      const ranksOf = (name: PlannedJob["name"]) =>
        planned.filter((job) => job.name === name).flatMap(({ ranks = [] }) => ranks);
      const ranks = (indices: readonly number[]) => [...new Set(indices.map((index) => index % 3))].sort();
      expect(ranksOf("sample").sort()).toEqual(ranks(missing.sample));
      expect(ranksOf("label").sort()).toEqual(ranks([...missing.label, ...missing.fingerprint]));
      expect(ranksOf("publish").sort()).toEqual(ranks(missing.publish));
      expect(planned.some(({ name }) => name === "dedup")).toBe(missing.dedup.length > 0);
      for (const { ranks: own = [], afterRanksOf } of planned) {
        if (afterRanksOf !== undefined) expect(ranksOf(afterRanksOf)).toEqual(expect.arrayContaining([...own]));
      }
    }),
  );
});

test("ranks are written as Slurm reads them", () => {
  expect([[], [3], [0, 1, 2, 7], [1, 3, 4]].map(formatRanks)).toEqual(["", "3", "0-2,7", "1,3-4"]);
});
