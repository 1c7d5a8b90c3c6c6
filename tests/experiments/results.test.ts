import { cpSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { combinationsOf } from "../../experiments/experiment-config.ts";
import {
  experimentSchema,
  gatherResults,
  openExperiment,
  type PlannedRun,
  readResults,
  resultsSchema,
  shareOfRuns,
} from "../../experiments/index.ts";
import { metricsSchema, toMetricsColumns } from "../../experiments/metrics-table.ts";
import { writeResults } from "../../experiments/results.ts";
import { readTable } from "../../shards/arrow/read-table-file.ts";
import { writeTable } from "../../shards/arrow/write-table.ts";
import { replaceFile } from "../../storage/commit.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { errorOf } from "../support/expect-error.ts";
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

test("results whose options or hashes were changed are refused with what is wrong, and how to write them again", async () => {
  const path = join(dirname(await makeExperimentFile({})), "results.arrow");
  const [options] = combinationsOf(experimentSchema.parse({ name: "test", dataset: "set", base: tinyRun }));
  const rows = [{ step: 12, set: "test", loss: 1, error: 0.5, softError: 0.5 }];
  await writeResults(path, { data: { train: "hash" }, runs: [{ id: "a", options: options!, rows }] });
  expect((await readResults(path)).runs).toHaveLength(1);
  const { columns } = await readTable(path, resultsSchema);
  const write = (option: string, data: string) =>
    replaceFile(path, async (sink) => {
      const metadata = { "cifar5m.results": "1", "cifar5m.data": data };
      await writeTable(sink, resultsSchema, [{ ...columns, options: [option] }], { metadata });
    });
  const whole = String(columns.options[0]);
  for (const [option, data, said] of [
    [whole.slice(1), "{}", "the options of a run as they were written, and does not: "],
    [whole.replace('"seed":0', '"seed":-1'), "{}", "seed must be an integer, at least 0"],
    [whole, '{"train":1}', "hashes of its data as they were written, and does not: train must be a string, got 1"],
  ] as const) {
    await write(option, data);
    const { message } = await errorOf(() => readResults(path), "experiment/results-corrupt");
    expect(message).toContain(said);
    expect(message).toMatch(/\. Write it again with `cifar5m experiment run`\.$/);
  }
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
