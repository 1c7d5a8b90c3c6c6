import { cp, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cifar5mError } from "../../../core/errors.ts";
import { openCifar10Source } from "../../../pipeline/cifar-10/cifar-10-fingerprints.ts";
import { prepareSteps } from "../../../pipeline/prepare.ts";
import { repairRun } from "../../../pipeline/repair/repair.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun, readRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { firstTestId } from "../../../pipeline/run/units.ts";
import { dedupStage } from "../../../pipeline/stages/dedup.ts";
import { readRemovals } from "../../../pipeline/stages/removals.ts";
import { sampleStep } from "../../../pipeline/steps.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { type JsonValue, sealJson, unsealJson } from "../../../storage/canonical-json.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { errorOf } from "../../support/expect-error.ts";
import {
  copyRun,
  filesOf,
  type GrowingSet,
  growTo,
  imageOf,
  optionsOf,
  rowsOf,
  stepsOf,
} from "../../support/grow-set.ts";
import { runBuild, runSteps, smallConfig, testContext } from "../../support/run-build.ts";
import { mirrored, standInRuntime } from "../../support/stand-in-runtime.ts";

let folder: string;
let numRuns = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-growth-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newRoot = () => join(folder, `run-${numRuns++}`);
/** Copies that growth meets: of the same size, of an earlier one, mirrored, and of a test image that was there before. */
const planted = new Map([
  [7, imageOf(3)],
  [44, mirrored(imageOf(5))],
  [47, imageOf(firstTestId + 6)],
  [61, imageOf(firstTestId + 6)],
  [88, imageOf(82)],
  [firstTestId + 11, imageOf(firstTestId + 2)],
]);
const at = (count: number, testCount = 20) => ({ count, testCount });

test("growth from 40 to 50 to 100 images gives the shards of 100 at once, and changes none that there was", async () => {
  const grown: GrowingSet = { root: newRoot(), unitSize: 10, planted };
  const once: GrowingSet = { ...grown, root: newRoot() };
  await growTo(once, at(100));
  let before = new Map<string, string>();
  for (const count of [40, 50, 100]) {
    await growTo(grown, at(count));
    const files = await filesOf(join(grown.root, "dataset"));
    for (const [name, state] of before) expect(files.get(name), name).toBe(state);
    before = files;
  }
  const hashesOf = (files: Map<string, string>) => [...files].map(([name, state]) => `${name} ${state.split(" ")[0]}`);
  expect(hashesOf(before)).toEqual(hashesOf(await filesOf(join(once.root, "dataset"))));
  const receiptsOf = async ({ root }: GrowingSet) =>
    hashesOf(await filesOf(join(root, "receipts"))).filter((line) => !line.startsWith("search"));
  expect(await receiptsOf(grown)).toEqual(await receiptsOf(once));
  const removed = (
    await Promise.all(
      (
        await readRun(runFolderAt(grown.root))
      ).units.map((unit) => readRemovals(runFolderAt(grown.root).removals(unit))),
    )
  ).flat();
  expect(removed.map(({ id, partner, mirrored: flipped }) => [id, partner, flipped])).toEqual([
    [7, 3, false],
    [44, 5, true],
    [47, firstTestId + 6, false],
    [61, firstTestId + 6, false],
    [88, 82, false],
    [firstTestId + 11, firstTestId + 2, false],
  ]);
});

test("whatever the sizes, a grown set has the rows of one made at once, and keeps what was published", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1, max: 7 }), async (steps, unitSize) => {
      const counts = steps.map((_, index) => steps.slice(0, index + 1).reduce((sum, more) => sum + more, 0));
      const copies = new Map([
        [counts[0]!, imageOf(0)],
        [counts[0]! + 1, imageOf(firstTestId)],
      ]);
      const grown: GrowingSet = { root: newRoot(), unitSize, planted: copies };
      let before = new Map<string, string>();
      for (const count of counts) {
        await growTo(grown, at(count, 3));
        const files = await filesOf(join(grown.root, "dataset"));
        for (const [name, state] of before) expect(files.get(name), name).toBe(state);
        before = files;
      }
      const once: GrowingSet = { ...grown, root: newRoot() };
      await growTo(once, at(counts.at(-1)!, 3));
      for (const split of ["train", "test"] as const) {
        expect(await rowsOf(grown.root, split)).toEqual(await rowsOf(once.root, split));
      }
    }),
    { numRuns: 5 },
  );
});

test("the test part grows too; a new test image that copies a published train image is the one that is left out", async () => {
  const set: GrowingSet = { root: newRoot(), unitSize: 10, planted: new Map([[firstTestId + 24, imageOf(4)]]) };
  await growTo(set, at(30, 15));
  const before = await filesOf(join(set.root, "dataset"));
  await growTo(set, at(30, 30));
  const after = await filesOf(join(set.root, "dataset"));
  for (const [name, state] of before) expect(after.get(name), name).toBe(state);
  const testIds = (await rowsOf(set.root, "test")).map((row) => Number(row.split(" ")[0]) - firstTestId);
  expect(testIds).toEqual(Array.from({ length: 30 }, (_, id) => id).filter((id) => id !== 24));
  expect((await rowsOf(set.root, "train")).length).toBe(30);
});

test("a manifest of a grown set names its earlier sizes by the hashes that they had", async () => {
  const set: GrowingSet = { root: newRoot(), unitSize: 10 };
  const hashes: string[] = [];
  for (const count of [20, 25, 40]) {
    await growTo(set, at(count, 5));
    hashes.push((await readManifest(join(set.root, "dataset"))).sha256);
  }
  const { version, growth, splits, config } = await readManifest(join(set.root, "dataset"));
  expect(version).toBe(2);
  expect(growth).toEqual([
    { train: 2, test: 1, sha256: hashes[0] },
    { train: 3, test: 1, sha256: hashes[1] },
  ]);
  expect(splits.train.shards.map(({ rows }) => rows)).toEqual([10, 10, 5, 5, 10]);
  expect([config["count"], config["testCount"]]).toEqual([40, 5]);
});

test("a set does not shrink: one line says so, and nothing changes", async () => {
  const set: GrowingSet = { root: newRoot(), unitSize: 10 };
  await growTo(set, at(20, 5));
  const before = await filesOf(set.root);
  for (const [size, seen] of [
    [at(19, 5), "count is 20, now 19"],
    [at(30, 4), "testCount is 5, now 4"],
  ] as const) {
    const { message } = await errorOf(() => growTo(set, size), "run/config-changed");
    expect(message).toContain(`can grow but not shrink: ${seen}.`);
    expect(message).not.toContain("\n");
  }
  expect(await filesOf(set.root)).toEqual(before);
});

test("a run that could not make more images keeps its size: without its model, with another one, without the device", async () => {
  const root = newRoot();
  const small = { ...smallConfig, count: 20, testCount: 0 };
  const runtime = standInRuntime();
  await runBuild({ root, runtime, sources: {}, config: small });
  const larger = { ...small, count: 40 };
  const { folder: paths, config } = { folder: runFolderAt(root), config: resolveConfig(larger) };
  const options = { folder: paths, config, runtime, takeOver: false };
  const model = join(root, "models", "generator.safetensors");
  await rename(model, `${model}.away`);
  await errorOf(() => runSteps([sampleStep(options)], testContext()), "unit/missing");
  await rename(`${model}.away`, model);
  const other = join(folder, "other.safetensors");
  await writeFile(other, "other weights");
  await errorOf(() => runBuild({ root, runtime, sources: { generator: other }, config: larger }), "run/config-changed");
  const prepared = prepareSteps(options, { generator: other }, { report: () => undefined });
  await errorOf(() => runSteps(prepared, testContext()), "run/config-changed");
  const withoutDevice = { ...runtime, requireDevice: () => Promise.reject(new Cifar5mError("engine/x", "no device.")) };
  const sampling = sampleStep({ ...options, runtime: withoutDevice });
  await errorOf(() => runSteps([sampling], testContext()), "engine/x");
  expect((await readRun(paths)).sizes).toEqual([{ count: 20, testCount: 0 }]);
  await runBuild({ root, runtime, sources: {}, config: larger });
  expect((await readRun(paths)).sizes).toHaveLength(2);
});

test("a run that 0.1.0 began goes on with its own ids, to the very manifest that 0.1.0 would have written", async () => {
  const root = newRoot();
  await cp(join(import.meta.dirname, "begun-by-0.1.0"), root, { recursive: true });
  const before = await filesOf(root);
  const set: GrowingSet = { root, unitSize: 4 };
  const { message } = await errorOf(() => growTo(set, at(12, 5)), "run/config-changed");
  expect(message).toMatch(/count is 10, now 12.*an earlier release began this one, so it cannot grow\.$/);
  await growTo(set, at(10, 5));
  const after = await filesOf(root);
  for (const [name, state] of before) expect(after.get(name), name).toBe(state);
  expect((await rowsOf(root, "test")).map((row) => row.split(" ")[0])).toEqual(["10", "11", "12", "13", "14"]);
  const path = join(root, "dataset", "manifest.json");
  const manifest = unsealJson(await readFile(path, "utf8"), path) as Record<string, JsonValue>;
  expect(sha256(Buffer.from(sealJson({ ...manifest, createdBy: "cifar5m 0.1.0" })))).toBe(
    "d3c6b66fc1fc669928e3b30c5d11960164d939836e25b2e2fef0633965cf6171",
  );
  expect(await verifyRun(root, testContext())).toEqual([]);
  await rm(join(root, "dataset", "test", "part-00001.arrow"));
  const { config, runtime, folder: paths } = optionsOf(set, at(10, 5));
  await repairRun({ folder: paths, config, runtime }, testContext());
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("growth that was stopped anywhere goes on; until then the set of before is whole, and repair keeps it so", async () => {
  const set: GrowingSet = { root: newRoot(), unitSize: 10, planted };
  await growTo(set, at(45));
  const whole = await readManifest(join(set.root, "dataset"));
  const once: GrowingSet = { ...set, root: newRoot() };
  await growTo(once, at(100));
  const options = optionsOf(set, at(100));
  for (const [index, step] of stepsOf(options).slice(0, -2).entries()) {
    const context = testContext();
    // Half of the units of every step, and all of the steps before.
    for await (const _ of step.run({ ...context, rank: index % 2, worldSize: 2 })) {
      if ((context.counts.get(`${step.name}/images`) ?? 0) >= 20) break;
    }
    const problems = await verifyRun(set.root, testContext());
    const codes = new Set(problems.map(({ code }) => code).filter((code) => code !== "receipt/missing"));
    expect([...codes]).toEqual(["manifest/mismatch"]);
    const outdated = problems.find(({ code }) => code === "manifest/mismatch")!;
    expect(outdated.message).toContain("has grown to 100 train and 20 test images. Run `cifar5m build` to go on.");
    const copy = await copyRun(set.root, String(index));
    const shard = join(copy, "dataset", "train", "part-00004.arrow");
    const bytes = await readFile(shard);
    await writeFile(shard, "damaged");
    const { config, runtime } = options;
    await repairRun({ folder: runFolderAt(copy), config, runtime }, testContext());
    expect(await readFile(shard)).toEqual(bytes);
    expect(await readManifest(join(copy, "dataset"))).toEqual(whole);
    await runSteps([step], testContext());
  }
  await growTo(set, at(100));
  for (const split of ["train", "test"] as const) {
    expect(await rowsOf(set.root, split)).toEqual(await rowsOf(once.root, split));
  }
});

test("of workers that ask for unlike sizes at the same time one comes first, and no unit is made twice", async () => {
  const root = newRoot();
  const open = (count: number) => openRun(runFolderAt(root), resolveConfig({ ...at(count, 5), unitSize: 10 }));
  await open(10);
  const opened = await Promise.allSettled([15, 18, 23, 23, 31].map(open));
  const run = await readRun(runFolderAt(root));
  expect(run.config.count).toBe(31);
  for (const result of opened) {
    if (result.status === "rejected") {
      expect(result.reason).toMatchObject({ code: "run/config-changed" });
    } else {
      const names = new Map(run.units.map((unit) => [unit.name, unit]));
      for (const { index: _, ...unit } of result.value.units) expect(names.get(unit.name)).toMatchObject(unit);
    }
  }
});

test("a search in buckets that workers share finds what one search finds, also in a set that has grown", async () => {
  const set: GrowingSet = { root: newRoot(), unitSize: 10, planted };
  await growTo(set, at(40));
  await growTo(set, at(100));
  const paths = runFolderAt(set.root);
  const run = await readRun(paths);
  const expected = await Promise.all(run.units.map((unit) => readFile(paths.removals(unit))));
  await rm(join(set.root, "receipts", "dedup"), { recursive: true });
  await rm(join(set.root, "dedup", "removals"), { recursive: true });
  const manifest = await readManifest(paths.dataset);
  const cifar10 = await openCifar10Source(paths, run.config.recordsPerFile);
  const models = { generator: manifest.models["generator"]! };
  const work = async (rank: number) => {
    const stage = dedupStage({ run, models, cifar10, imagesPerBucket: 7 });
    for await (const _ of stage(
      run.units.filter(({ index }) => index % 3 === rank),
      testContext({ rank, worldSize: 3 }),
    ));
  };
  await Promise.all([0, 1, 2].map(work));
  expect(await Promise.all(run.units.map((unit) => readFile(paths.removals(unit))))).toEqual(expected);
});
