import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { executionIdentity } from "../../engine/executor.ts";
import { type OpenLive, openExperiment } from "../../experiments/index.ts";
import { writeManifest } from "../../shards/format/manifest-file.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../support/make-rows.ts";
import { makeExperimentFile, noLive, tinyRun, writeExperimentFile } from "./make-experiment.ts";

test("further test sets cannot have the names of the experiment's own data", async () => {
  const file = await makeExperimentFile({});
  const folder = dirname(file);
  for (const name of ["test", "train", "live"]) {
    await writeExperimentFile(folder, { base: tinyRun, alsoTest: { other: "a", [name]: "b" } });
    const { message } = await errorOf(() => openExperiment(folder, file, noLive), "experiment/out-of-range");
    expect(message).toContain(`a key of alsoTest must be a name other than train, test, live, got "${name}". `);
  }
  await writeExperimentFile(folder, { base: tinyRun, alsoTest: { tested: join(folder, "dataset") } });
  const { data, runs } = await openExperiment(folder, file, noLive);
  await data.close();
  expect(runs).toHaveLength(1);
  expect(Object.keys(data.fingerprint)).toEqual(["train", "test", "tested"]);
});

test("an experiment file that is not JSON, and a test set or a live run of other classes, are refused by name", async () => {
  const file = await makeExperimentFile({ base: tinyRun });
  const folder = dirname(file);
  const others = join(folder, "others");
  const manifest = await makeDataset(others, { train: 0, test: 7, rowsPerShard: 7 });
  await rm(join(others, "manifest.json"));
  await writeManifest(others, { ...manifest, classNames: manifest.classNames.with(3, "lynx") });
  await writeExperimentFile(folder, { base: tinyRun, alsoTest: { wild: others } });
  const { message } = await errorOf(() => openExperiment(folder, file, noLive), "experiment/other-classes");
  expect(message).toMatch(
    /^alsoTest\.wild must have the classes airplane, automobile, bird, cat, .*, but it has .*, bird, lynx, .*\. Leave it out\.$/,
  );
  await writeExperimentFile(folder, { base: tinyRun, live: "a run" });
  const openLive: OpenLive = async () => ({
    fingerprint: "live",
    classNames: ["a", "b"],
    load: async () => undefined,
    sample: () => Promise.reject(new Error("not asked for")),
    close: async () => undefined,
  });
  const live = await errorOf(() => openExperiment(folder, file, openLive), "experiment/other-classes");
  expect(live.message).toMatch(/^live must have the classes airplane, .*, but it has a, b\. Leave it out\.$/);
  await writeFile(file, '{ "name": "test", }');
  const broken = await errorOf(() => openExperiment(folder, file, noLive), "experiment/not-json");
  expect(broken.message).toMatch(/experiment\.json must be JSON: .*position 18.*\. Correct the file\.$/);
});

test("runs of squared error are others than those of 0.1.0, which averaged it over the classes", async () => {
  const file = await makeExperimentFile({ base: tinyRun, grid: { loss: ["cross-entropy", "mse"] } });
  const config = JSON.parse(await readFile(file, "utf8"));
  const { data, runs } = await openExperiment(dirname(file), file, noLive);
  await data.close();
  const ofEarlier = runs.map(({ options }) =>
    hashConfig({
      ...executionIdentity({ engine: "onnxruntime", device: "cpu", ...config }),
      data: data.fingerprint,
      options,
    }),
  );
  expect(runs[0]!.hash).toBe(ofEarlier[0]);
  expect(runs[1]!.hash).not.toBe(ofEarlier[1]);
});

test("runs that differ in options of another schedule are one run", async () => {
  const grid = { schedule: [{ milestones: [0.5] }, { factor: 0.2 }, { name: "step", factor: 0.2 }] };
  const file = await makeExperimentFile({ base: tinyRun, grid });
  const { data, runs } = await openExperiment(dirname(file), file, noLive);
  await data.close();
  expect(runs.map(({ options }) => options.schedule.name)).toEqual(["cosine", "step"]);
});

test("nesterov's momentum without momentum is refused, as by PyTorch", async () => {
  const file = await makeExperimentFile({ base: { ...tinyRun, optimizer: { name: "sgd", nesterov: true } } });
  const { message } = await errorOf(() => openExperiment(dirname(file), file, noLive), "experiment/out-of-range");
  expect(message).toContain("optimizer.nesterov must be false where momentum is 0, got true. ");
});

test("an experiment file with a wrong grid is told the key as it stands there", async () => {
  const file = await makeExperimentFile({});
  for (const [grid, said] of [
    [{ seed: [] }, "grid.seed must be a list of 1 or more values, got []. "],
    [[{}, { seed: 3 }], "grid.1.seed must be a list of 1 or more values, got 3. "],
    [[], "grid must be a list of 1 or more values that are each an object, got []. "],
  ] as const) {
    await writeExperimentFile(dirname(file), { base: tinyRun, grid });
    const { message } = await errorOf(() => openExperiment(dirname(file), file, noLive), "experiment/out-of-range");
    expect(message).toContain(said);
  }
});

test("a set without test images is refused when runs are planned, with the key that names it", async () => {
  const folder = await makeTestFolder();
  await makeDataset(join(folder, "dataset"), { train: 200, test: 40, rowsPerShard: 60 });
  await makeDataset(join(folder, "untested"), { train: 200, test: 0, rowsPerShard: 60 });
  // One test image, which has one label.
  await makeDataset(join(folder, "single"), { train: 200, test: 1, rowsPerShard: 60 });
  const untested = join(folder, "untested");
  const refused = async (config: Readonly<Record<string, unknown>>) => {
    const file = await writeExperimentFile(folder, { base: tinyRun, ...config });
    return (await errorOf(() => openExperiment(folder, file, noLive), "experiment/no-test-images")).message;
  };
  expect(await refused({ dataset: untested })).toBe(
    "dataset must have test images, got 0. Build it with some, by --test-count.",
  );
  expect(await refused({ alsoTest: { more: untested } })).toBe(
    "alsoTest.more must have test images, got 0. Leave it out, or name another data set.",
  );
  const pairs = [
    ["airplane", "automobile"],
    ["bird", "cat"],
  ];
  const classesOf = (classes: readonly string[]) => ({ base: { ...tinyRun, classes, numSamples: 10 } });
  const grid = { classes: pairs };
  const message = await refused({ ...classesOf(pairs[0]!), grid, alsoTest: { single: join(folder, "single") } });
  expect(message).toMatch(/^alsoTest\.single must have test images of the classes \w+, \w+, got 0\. /);
});

test("a pretraining that could not run is refused when runs are planned", async () => {
  const file = await makeExperimentFile({});
  const folder = dirname(file);
  const planOf = async (base: object) => {
    await writeExperimentFile(folder, { base: { ...tinyRun, ...base } });
    const { data, runs } = await openExperiment(folder, file, noLive);
    await data.close();
    return runs;
  };
  const rotation = { task: "rotation", steps: 5 };
  for (const augmentation of ["mixup", "cutout"]) {
    const { message } = await errorOf(() => planOf({ pretraining: rotation, augmentation }), "experiment/out-of-range");
    expect(message).toMatch(
      new RegExp(
        `^augmentation must be none, flip or crop-flip with a pretraining by rotation.* got ${augmentation}\\. `,
      ),
    );
    const labels = { task: "labels", steps: 5, classes: ["cat", "dog"] };
    expect(await planOf({ pretraining: labels, augmentation, classes: ["bird", "deer", "frog"] })).toHaveLength(1);
  }
  const classes = ["cat", "dog"];
  for (const [options, shared] of [
    [{ pretraining: { steps: 5 }, classes }, "cat, dog"],
    [{ pretraining: { steps: 5, classes } }, "cat, dog"],
    [{ pretraining: { steps: 5, dataset: join(folder, "dataset") }, classes: ["bird", "cat"] }, "bird, cat"],
    [{ pretraining: { steps: 5, classes }, classes: ["dog", "frog"] }, "dog"],
  ] as const) {
    const { message } = await errorOf(() => planOf(options), "experiment/out-of-range");
    expect(message).toMatch(
      `must learn from another data set or other classes than the run, got ${shared} of the pool: `,
    );
  }
  for (const augmentation of ["none", "flip", "crop-flip"]) {
    expect(await planOf({ pretraining: rotation, augmentation })).toHaveLength(1);
  }
  await makeDataset(join(folder, "small"), { train: 9, test: 0, rowsPerShard: 60 });
  const dataset = join(folder, "small");
  const small = await errorOf(() => planOf({ pretraining: { steps: 5, dataset } }), "experiment/pool-too-small");
  expect(small.message).toMatch(/^pretraining needs at least a batch of images, batchSize 10, got 9\. /);
  const misspelled = { steps: 5, classes: ["dgo"] };
  await errorOf(() => planOf({ pretraining: misspelled }), "dataset/unknown-class");
});

test("of an experiment that cannot be opened, nothing stays open", async () => {
  const openWith = async (config: object, code: string) => {
    const file = await makeExperimentFile({ base: tinyRun, live: "a run", ...config });
    let numOpen = 0;
    const openLive: OpenLive = async () => {
      numOpen++;
      const close = async () => {
        numOpen--;
      };
      const load = () => Promise.reject(new Error("not asked for"));
      return { fingerprint: "live", classNames: cifar10ClassNames, load, sample: load, close };
    };
    await errorOf(() => openExperiment(join(dirname(file), "runs"), file, openLive), code);
    expect(numOpen).toBe(0);
  };
  await openWith({ grid: { numSamples: [5000] } }, "experiment/pool-too-small");
});

test("planning an experiment does not load the models of its live source", async () => {
  const file = await makeExperimentFile({ base: { ...tinyRun, world: "ideal", steps: 50 }, live: "a run" });
  const refuse = () => Promise.reject(new Error("not asked for"));
  const openLive: OpenLive = async () => ({
    fingerprint: "live",
    classNames: cifar10ClassNames,
    load: refuse,
    sample: refuse,
    close: () => Promise.resolve(),
  });
  const { data, runs } = await openExperiment(join(dirname(file), "runs"), file, openLive);
  await data.close();
  expect(runs).toHaveLength(1);
  expect(data.fingerprint["live"]).toBe("live");
});
