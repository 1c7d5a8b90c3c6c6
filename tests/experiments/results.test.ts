import { cpSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { gatherResults, openExperiment, type PlannedRun, readResults, shareOfRuns } from "../../experiments/index.ts";
import { metricsSchema, toMetricsColumns } from "../../experiments/metrics-table.ts";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { makeExperimentFile, noLive, tinyRun } from "./make-experiment.ts";

test("a run that another worker finishes and gathers while this one gathers is not lost", async () => {
  const file = await makeExperimentFile({ base: tinyRun, grid: { seed: [0, 1, 2] } });
  const experiment = await openExperiment(join(dirname(file), "runs"), file, noLive);
  const { folder, runs, data } = experiment;
  for (const { id, hash } of runs) {
    const rows = [{ step: 12, set: "test", loss: 1, error: 0.5, softError: 0.5 }];
    await commitUnit({
      dataPath: folder.metrics(id),
      receiptPath: folder.receipt(id),
      origin: { stage: "experiment", unit: 0, idStart: 0, idEnd: 0, configHash: hash, models: {}, createdBy: "test" },
      write: async (sink) => await writeTable(sink, metricsSchema, [toMetricsColumns(rows)]),
    });
  }
  await gatherResults(experiment);
  // What the other worker will write: its run, and results that list all three.
  const [later, late] = [`${folder.root}-later`, folder.events(runs[2]!.id)];
  cpSync(folder.root, later, { recursive: true });
  rmSync(late, { recursive: true });
  let numReads = 0;
  const slowRuns = Object.assign([...runs], {
    *[Symbol.iterator]() {
      yield* runs;
      if (numReads++ === 0) cpSync(later, folder.root, { recursive: true });
    },
  });
  await gatherResults({ ...experiment, runs: slowRuns });
  await data.close();
  expect((await readResults(folder.results)).runs.map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
});

test("workers share a hundred thousand runs: each run has one worker, and runs of a pretraining the same", async () => {
  const runs = Array.from({ length: 100_000 }, (_, index) => {
    const pretraining = index % 4 === 0 ? undefined : { id: `pretraining ${index >> 4}` };
    return { id: `run ${index}`, pretraining } as PlannedRun;
  });
  const shares = [0, 1, 2].map((rank) => shareOfRuns(runs, { rank, worldSize: 3 }));
  expect(
    shares
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(runs.map(({ id }) => id).sort());
  const workerOf = new Map<string, number>();
  for (const [rank, share] of shares.entries()) {
    for (const { id, pretraining } of share) {
      const group = pretraining?.id ?? id;
      expect(workerOf.get(group) ?? rank).toBe(rank);
      workerOf.set(group, rank);
    }
  }
});
