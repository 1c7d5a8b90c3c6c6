import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { regenerateImage } from "../../../pipeline/repair/regenerate.ts";
import { repairRun } from "../../../pipeline/repair/repair.ts";
import { type PartialConfig, resolveConfig } from "../../../pipeline/run/config.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import type { StepOptions } from "../../../pipeline/run/step.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { filesOf, installModels, rowsOf, stepsOf } from "../../support/grow-set.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { standInImage, standInRuntime } from "../../support/stand-in-runtime.ts";
import { hashFolder, killBuilds, runToEnd } from "../kill-build.ts";
import { undisturbedBuildForAllTests } from "../undisturbed-build.ts";

let folder: string;
let numRuns = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-kept-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const undisturbed = undisturbedBuildForAllTests();
const keys = JSON.stringify({ balance: true, count: 300, testCount: 150, unitSize: 20 });

const newRoot = () => join(folder, `run-${numRuns++}`);
const imageOf = (id: number) => standInImage({ seed: 0, weights: Buffer.from("weights") }, id, id % 10);
const planted = new Map([
  [9, imageOf(2)],
  [31, imageOf(4)],
]);
const size = { count: 150, testCount: 120 };

/** Makes a set with stand-in models, or lets it grow. Labels are as good as random. */
async function make(
  keys: PartialConfig,
  root = newRoot(),
  context = testContext(),
): Promise<StepOptions & { root: string }> {
  const config = resolveConfig({ ...size, unitSize: 40, sampler: { batchSize: 4 }, balance: true, ...keys });
  await installModels(root);
  const options = { folder: runFolderAt(root), config, runtime: standInRuntime({ planted }), takeOver: true };
  await runSteps(stepsOf(options), context);
  return { ...options, root };
}

/** The rows that a balanced set has, from those of one that is not: of each label the first, as many as of the rarest. */
function balanced(rows: readonly string[]): string[] {
  const labelOf = (row: string) => row.split(" ")[1]!;
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(labelOf(row), (counts.get(labelOf(row)) ?? 0) + 1);
  const smallest = counts.size < 10 ? 0 : Math.min(...counts.values());
  const taken = new Map<string, number>();
  return rows.filter((row) => {
    const before = taken.get(labelOf(row)) ?? 0;
    taken.set(labelOf(row), before + 1);
    return before < smallest;
  });
}

test("each label has as many images as the rarest one, the first by id, whatever the units", async () => {
  const whole = await make({ balance: false });
  for (const unitSize of [40, 7, 1000]) {
    const { root } = await make({ unitSize });
    for (const split of ["train", "test"] as const) {
      const rows = await rowsOf(root, split);
      expect(rows).toEqual(balanced(await rowsOf(whole.root, split)));
      expect(rows.length).toBeGreaterThan(0);
    }
    const { splits, removals } = await readManifest(join(root, "dataset"));
    for (const { rows, classCounts } of [splits.train, splits.test])
      expect(classCounts).toEqual(Array(10).fill(rows / 10));
    const surplus = size.count + size.testCount - 2 - splits.train.rows - splits.test.rows;
    expect(removals).toEqual({ "duplicate-within-set": 2, "surplus-of-class": surplus });
  }
});

test("whatever its sizes, a set that grows stays balanced: each growth is, by itself, and nothing published changes", async () => {
  const growths = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 3 });
  const whole = await rowsOf((await make({ balance: false, count: 800, testCount: 0 })).root, "train");
  await fc.assert(
    fc.asyncProperty(growths, fc.integer({ min: 20, max: 90 }), async (steps, unitSize) => {
      const root = newRoot();
      const expected: string[] = [];
      let before = new Map<string, string>();
      let from = 0;
      for (const more of [150, ...steps]) {
        const to = from + more;
        await make({ count: to, testCount: 0, unitSize }, root);
        const files = await filesOf(join(root, "dataset"));
        for (const [name, state] of before) expect(files.get(name), name).toBe(state);
        before = files;
        const idOf = (row: string) => Number(row.split(" ")[0]);
        expected.push(...balanced(whole.filter((row) => idOf(row) >= from && idOf(row) < to)));
        expect(await rowsOf(root, "train")).toEqual(expected);
        const { splits } = await readManifest(join(root, "dataset"));
        expect(new Set(splits.train.classCounts).size).toBe(1);
        from = to;
      }
    }),
    { numRuns: 5 },
  );
});

test("two workers make the set of one", async () => {
  const alone = await make({});
  const root = newRoot();
  await Promise.all([0, 1].map((rank) => make({}, root, testContext({ rank, worldSize: 2 }))));
  expect(await hashFolder(join(root, "dataset"))).toEqual(await hashFolder(join(alone.root, "dataset")));
});

test("lost shards and a lost manifest are made again, byte for byte, though labels and removals are gone", async () => {
  const { root, ...options } = await make({});
  const expected = await hashFolder(join(root, "dataset"));
  for (const part of ["samples", "labels", "dedup"]) await rm(join(root, part), { recursive: true });
  await rm(join(root, "dataset", "train", "part-00001.arrow"));
  await repairRun(options, testContext());
  expect(await hashFolder(join(root, "dataset"))).toEqual(expected);
  await rm(join(root, "dataset", "manifest.json"));
  await repairRun(options, testContext());
  expect(await hashFolder(join(root, "dataset"))).toEqual(expected);
});

test("of an image that was left out as surplus, regenerate says so", async () => {
  const { root, ...options } = await make({});
  const published = (await rowsOf(root, "train")).map((row) => Number(row.split(" ")[0]));
  const id = [...Array(size.count).keys()].find(
    (candidate) => !published.includes(candidate) && !planted.has(candidate),
  )!;
  const { message } = await errorOf(() => regenerateImage({ ...options, id }), "regenerate/removed");
  expect(message).toContain("its label has enough images without it");
});

test("a part without an image of some label is refused, in one line that names it", async () => {
  const { line } = await errorOf(() => make({ testCount: 10 }), "balance/class-missing");
  expect(line).toMatch(/the test part has none of .*--test-count/);
  expect(line).not.toContain("\n");
});

test("a balanced build that is killed at random moments and resumed leaves the data set of an undisturbed one", async () => {
  const whole = undisturbed.rootOf("balanced");
  await runToEnd(undisturbed.commandOf(whole, "0", "0", "1", keys));
  const dataset = await openDataset(join(whole, "dataset"));
  expect(new Set(dataset.manifest.splits.train.classCounts).size).toBe(1);
  dataset.close();
  const expected = await hashFolder(join(whole, "dataset"));
  await killBuilds({
    program: (root) => undisturbed.commandOf(root, "2", "0", "1", keys),
    ...{ folder: undisturbed.rootOf("."), numKills: 6, maxLifeMs: 1500, countFrom: "ready" },
    check: async (root) => expect(await hashFolder(join(root, "dataset"))).toEqual(expected),
  });
});
