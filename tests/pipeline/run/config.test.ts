import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImportedRun } from "../../../pipeline/import/imported-run.ts";
import { configJsonSchema, mergeConfigs, resolveConfig } from "../../../pipeline/run/config.ts";
import { flagOf, leavesOf, nest, parseFlag } from "../../../pipeline/run/config-keys.ts";
import { datasetIdentity } from "../../../pipeline/run/dataset-identity.ts";
import { recipes } from "../../../pipeline/run/recipes.ts";
import { openRun, readRun, readRunConfig } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { hashConfig, sealJson, unsealJson } from "../../../storage/canonical-json.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const hashOf = (partial: object) => hashConfig(datasetIdentity(resolveConfig(partial)));

test("every key has a description and a default or says what it depends on; the flag's text of the default gives it back", () => {
  const config = resolveConfig({});
  for (const { key, schema } of leavesOf(configJsonSchema)) {
    expect(schema.description, key).toBeTruthy();
    if (schema.default === undefined) {
      expect(["testCount", "sampler.guidance", "sampler.guidanceMin", "sampler.guidanceMax"]).toContain(key);
      expect(schema.description, key).toContain("Left out, it is ");
      continue;
    }
    const again = resolveConfig(nest(key, parseFlag(String(schema.default), schema)));
    expect(again, flagOf(key)).toEqual(config);
  }
});

test.each([
  [{}, 1_000_000],
  [{ count: 60 }, 12],
  [{ count: 61 }, 13],
  [{ count: 60, testCount: 0 }, 0],
])("%j has %d test images", (partial, testCount) => {
  expect(resolveConfig(partial).testCount).toBe(testCount);
});

test("the hash depends on the keys that determine the bytes, and not on those that change only the speed or the size", () => {
  const hash = hashOf({});
  for (const changed of [
    { seed: 1 },
    { unitSize: 100 },
    { engine: "tfjs" },
    { sampler: { steps: 9 } },
    { sampler: { batchSize: 3 } },
    { labeling: { batchSize: 7 } },
  ]) {
    expect(hashOf(changed)).not.toBe(hash);
  }
  // What earlier releases began with their default goes on.
  expect(datasetIdentity(resolveConfig({}))).not.toHaveProperty("labeling");
  for (const changed of [{ labeling: { batchSize: 100 } }, { count: 7 }, { testCount: 7 }]) {
    expect(hashOf(changed)).toBe(hash);
  }
});

test("a value out of range is refused by key, rule and value", async () => {
  const { message } = await errorOf(() => resolveConfig({ count: 0 }), "config/out-of-range");
  expect(message).toMatch(/^count must be an integer, at least 1, got 0\./);
  const nested = await errorOf(() => resolveConfig({ sampler: { steps: 2.5 } }), "config/out-of-range");
  expect(nested.message).toContain("sampler.steps must be an integer");
  expect(nested.message).toContain("got 2.5");
});

test.each([
  [{ sampler: { batchSize: 1e9 } }, /^sampler\.batchSize must be auto or an integer, at least 1 and at most 16384/],
  [{ labeling: { batchSize: 9e15 } }, /^labeling\.batchSize .* at most 16384/],
  [{ generator: { batchSize: 9e15 } }, /^generator\.batchSize .* at most 16384/],
  [{ generator: { blocks: 1e9 } }, /^generator\.blocks .* at most 64/],
  [{ labeler: { widths: [64, 1e9] } }, /^labeler\.widths/],
  [{ recordsPerFile: 9e15 }, /^recordsPerFile .* at most 1000000/],
])("a run that no machine could hold is refused before it is planned: %o", async (given, message) => {
  expect((await errorOf(() => resolveConfig(given), "config/out-of-range")).message).toMatch(message);
});

test("an unknown key is refused, and the known ones are named", async () => {
  const { message } = await errorOf(() => resolveConfig({ sampler: { stepz: 3 } }), "config/unknown-key");
  expect(message).toContain("sampler.stepz is not a key of the configuration. Did you mean sampler.steps?");
  expect(message).toContain("sampler.steps");
});

test.each([
  ["1_000_000", 1_000_000],
  ["-0.5", -0.5],
  [".5", 0.5],
  ["1e-3", 0.001],
  ["_", "_"],
  ["", ""],
  ["0x10", "0x10"],
  ["1__0", "1__0"],
  ["Infinity", "Infinity"],
])("the flag's text %s is the value %j", (text, value) => {
  expect(parseFlag(text, { type: "number" })).toBe(value);
});

test("the later of two configurations applies, key by key", () => {
  const merged = mergeConfigs({ count: 5, sampler: { steps: 9, rho: 5 } }, { sampler: { steps: 3 } });
  expect(merged).toEqual({ count: 5, sampler: { steps: 3, rho: 5 } });
});

test("given keys override those of a recipe, and all keys of a recipe replace those of another", () => {
  expect(resolveConfig(recipes.fast)).toEqual(resolveConfig({}));
  const original = { name: "ddpm", steps: 1000, schedule: "linear-beta", conditional: false, guidance: 1 };
  expect(resolveConfig(recipes.original).sampler).toMatchObject(original);
  const fewer = mergeConfigs(recipes.original, { sampler: { steps: 100 } });
  expect(resolveConfig(fewer).sampler).toMatchObject({ ...original, steps: 100 });
  expect(resolveConfig(mergeConfigs(recipes.original, recipes.fast))).toEqual(resolveConfig({}));
});

test("guidance that is left out is in an interval, and 1 where there is nothing to be guided away from", () => {
  const guidanceOf = (partial: object) => {
    const { guidance, guidanceMin, guidanceMax } = resolveConfig({ sampler: partial }).sampler;
    return [guidance, guidanceMin, guidanceMax];
  };
  expect(guidanceOf({})).toEqual([3, 0.3, 5]);
  expect(guidanceOf({ guidanceMin: 0.5 })).toEqual([3, 0.5, 5]);
  expect(guidanceOf({ guidanceMax: 2 })).toEqual([3, 0.3, 2]);
  expect(guidanceOf({ guidance: 2 })).toEqual([2, 0.3, 5]);
  expect(guidanceOf({ guidance: 1 })).toEqual([1, 0, 1000]);
  expect(guidanceOf({ conditional: false })).toEqual([1, 0, 1000]);
  expect(guidanceOf({ name: "consistency", steps: 2 })).toEqual([1, 0, 1000]);
  // The two levels are 80 and 0.02.
  expect(guidanceOf({ steps: 2 })).toEqual([3, 0, 1000]);
});

test("a run pins its configuration once: another one is refused and the differing keys are named", async () => {
  const root = join(folder, "pinned");
  await openRun(runFolderAt(root), resolveConfig({ count: 100, sampler: { steps: 9 } }));
  const before = await readFile(join(root, "run.json"));
  await openRun(runFolderAt(root), resolveConfig({ count: 100, sampler: { steps: 9 }, labeling: {} }));
  const other = resolveConfig({ count: 200, sampler: { steps: 18 }, labeling: { batchSize: 8 } });
  const { message } = await errorOf(() => openRun(runFolderAt(root), other), "run/config-changed");
  expect(message).toContain("sampler.steps is 9, now 18");
  expect(message).toContain("labeling.batchSize is 100, now 8");
  expect(message).not.toContain("unitSize");
  expect(message).not.toContain("count");
  expect(await readFile(join(root, "run.json"))).toEqual(before);
});

test("a run that was pinned before guidance had an interval is guided at all levels, and keeps its hash", async () => {
  const run = runFolderAt(await makeTestFolder());
  const guided = resolveConfig({ count: 100, sampler: { guidance: 2, guidanceMin: 0, guidanceMax: 1000 } });
  await openRun(run, guided);
  expect(await readFile(run.config, "utf8")).not.toContain("guidanceM");
  const config = resolveConfig(await readRunConfig(run));
  expect(config.sampler).toEqual(guided.sampler);
  expect((await openRun(run, config)).hash).toBe(hashConfig(datasetIdentity(guided)));
  expect((await readRun(run)).config.sampler).toEqual(guided.sampler);
});

test("commands without options use the pinned configuration of the run", async () => {
  const root = join(folder, "pinned");
  const config = resolveConfig(await readRunConfig(runFolderAt(root)));
  expect(config.count).toBe(100);
  expect((await openRun(runFolderAt(root), config)).units.length).toBe(2);
});

test("a run.json that was edited by hand is refused", async () => {
  const root = join(folder, "edited");
  await openRun(runFolderAt(root), resolveConfig({ count: 100 }));
  const path = join(root, "run.json");
  await writeFile(path, (await readFile(path, "utf8")).replace('"count": 100', '"count": 101'));
  const { message } = await errorOf(() => readRunConfig(runFolderAt(root)), "json/corrupt");
  expect(message).toContain(path);
});

test.for([
  [{ version: 3 }, "must be version 1 or 2, got 3"],
  [{ size: undefined }, "must hold a size, and does not"],
  [{ size: { count: "many", testCount: 20 } }, 'count must be an integer, at least 1, got "many"'],
  [{ config: [1] }, "must hold an object as config, got [1]"],
  [{ config: { sampler: { frob: 1 } } }, "sampler has the unknown key frob"],
  [{ config: { sampler: { steps: 0 } } }, "sampler.steps must be an integer, at least 1 and at most 1000, got 0"],
  [{ config: { import: { format: "tar" } } }, "import.format must be one of npz, cifar-10, cifar-100, image-folder"],
] as const)("a run.json of another release, with %j, is refused by name and stays as it is", async ([keys, said]) => {
  const root = await makeTestFolder();
  const run = runFolderAt(root);
  await openRun(run, resolveConfig({ count: 100 }));
  const text = sealJson({ ...unsealJson(await readFile(run.config, "utf8"), run.config), ...keys });
  await writeFile(run.config, text);
  const read = "config" in keys && "import" in keys.config ? readImportedRun : readRunConfig;
  const { message } = await errorOf(() => read(run), "run/unreadable");
  expect(message).toContain(run.config);
  expect(message).toContain(said);
  expect(message).toMatch(/\. Use the cifar5m that wrote it\.$/);
  expect(await readdir(root, { recursive: true })).toEqual(["run.json"]);
  expect(await readFile(run.config, "utf8")).toBe(text);
});
