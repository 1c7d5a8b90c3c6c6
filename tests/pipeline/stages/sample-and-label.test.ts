import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ModelRuntime } from "../../../pipeline/models/model-runtime.ts";
import { importModel } from "../../../pipeline/models/models.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../../pipeline/run/stage.ts";
import { planUnits } from "../../../pipeline/run/units.ts";
import { fingerprintStep, labelStep, sampleAndLabelStep, sampleStep } from "../../../pipeline/steps.ts";
import { fileExists } from "../../../storage/read-file.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";
import { runSteps, smallConfig, testContext } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";
import { hashFolder } from "../kill-build.ts";

const config = resolveConfig(smallConfig);
const numImages = smallConfig.count + smallConfig.testCount;
const units = planUnits([config], config.unitSize);

let folder: string;
let numFolders = 0;
/** Files of a run that was made stage by stage. */
let expected: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-one-pass-"));
  expected = await hashFolder(await makeStageByStage(standInRuntime()));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A new run folder with models. */
async function makeRun(): Promise<string> {
  const root = join(folder, `run${numFolders++}`);
  for (const name of ["generator", "labeler"] as const) {
    await importModel(runFolderAt(root), name, Buffer.from(`weights of the ${name}`));
  }
  return root;
}

const optionsOf = (root: string, runtime: ModelRuntime) => ({
  ...{ folder: runFolderAt(root), config, runtime, takeOver: false },
});

async function makeStageByStage(runtime: ModelRuntime, root?: string): Promise<string> {
  const made = root ?? (await makeRun());
  const steps = [sampleStep, labelStep, fingerprintStep].map((step) => step(optionsOf(made, runtime)));
  await runSteps(steps, testContext());
  return made;
}

async function makeInOnePass(root: string, runtime: ModelRuntime = standInRuntime(), context = testContext()) {
  await runSteps([sampleAndLabelStep(optionsOf(root, runtime))], context);
  return context.counts;
}

/** A runtime whose models call functions first. */
function watchedRuntime(watch: { onSample?: () => Promise<void>; onLabel?: () => Promise<void> }): ModelRuntime {
  const runtime = standInRuntime();
  return {
    ...runtime,
    openSampler: async (...args) => {
      const sampler = await runtime.openSampler(...args);
      const sample = async (request: Parameters<typeof sampler.sample>[0]) => {
        await watch.onSample?.();
        return await sampler.sample(request);
      };
      return { ...sampler, sample };
    },
    openLabeler: async (...args) => {
      const labeler = await runtime.openLabeler(...args);
      const label = async (images: Uint8Array) => {
        await watch.onLabel?.();
        return await labeler.label(images);
      };
      return { ...labeler, label };
    },
  };
}

test("one pass makes the files and receipts of sample, label and fingerprint, byte for byte", async () => {
  const root = await makeRun();
  const counts = await makeInOnePass(root);
  expect(await hashFolder(root)).toEqual(expected);
  expect([counts.get("sample/images"), counts.get("label/images"), counts.get("fingerprint/images")]).toEqual([
    numImages,
    numImages,
    numImages,
  ]);
});

test("images are labeled before their unit is committed, so they are not read again", async () => {
  const root = await makeRun();
  const { receipt } = runFolderAt(root);
  let numEarly = 0;
  const onLabel = async () => {
    if (!(await fileExists(receipt("sample", units[0]!.name)))) numEarly++;
  };
  await makeInOnePass(root, watchedRuntime({ onLabel }));
  expect(numEarly).toBeGreaterThan(0);
});

test("whatever files are missing, one pass makes these and keeps the others", async () => {
  const root = await makeRun();
  await makeInOnePass(root);
  const run = runFolderAt(root);
  const paths = units.flatMap((unit) => [
    ...(["sample", "label", "fingerprint"] as const).map((stage) => run.receipt(stage, unit.name)),
    ...[run.samples(unit), run.probabilities(unit), run.fingerprints(unit)],
  ]);
  await fc.assert(
    fc.asyncProperty(fc.subarray(paths), async (missing) => {
      for (const path of missing) await rm(path);
      const counts = await makeInOnePass(root);
      expect(await hashFolder(root)).toEqual(expected);
      expect((counts.get("label/kept") ?? 0) + (counts.get("label/images") ?? 0)).toBe(numImages);
    }),
    { numRuns: 25 },
  );
});

test("if another worker's images were committed first, its images are labeled, not ours", async () => {
  const planted = new Map(
    Array.from({ length: numImages }, (_, id) => [id, noiseBytes(`theirs ${id}`, 3072)] as const),
  );
  const theirs = standInRuntime({ planted });
  const root = await makeRun();
  let isFirst = true;
  const onSample = async () => {
    if (!isFirst) return;
    isFirst = false;
    await runSteps([sampleStep(optionsOf(root, theirs))], testContext());
  };
  await makeInOnePass(root, watchedRuntime({ onSample }));
  expect(await hashFolder(root)).toEqual(await hashFolder(await makeStageByStage(theirs)));
});

test.each(["onSample", "onLabel"] as const)(
  "after an error of a model (%s) nothing half is left, and the next call ends the work",
  async (hook) => {
    for (const failing of [0, 1, 3, 7]) {
      const root = await makeRun();
      let numCalls = 0;
      const fail = async () => {
        if (numCalls++ === failing) throw new Error("no more");
      };
      await expect(makeInOnePass(root, watchedRuntime({ [hook]: fail }))).rejects.toThrow("no more");
      expect((await hashFolder(root)).filter((line) => line.includes(".tmp"))).toEqual([]);
      await makeInOnePass(root);
      expect(await hashFolder(root)).toEqual(expected);
    }
  },
);

test("after an interruption at any request the next call ends the work", async () => {
  for (const last of [0, 2, 5, 9]) {
    const root = await makeRun();
    const controller = new AbortController();
    let numCalls = 0;
    const onSample = async () => {
      if (numCalls++ === last) controller.abort();
    };
    const context: StageContext = { ...testContext(), signal: controller.signal };
    const step = sampleAndLabelStep(optionsOf(root, watchedRuntime({ onSample })));
    const thrown = await runSteps([step], context).catch((error: unknown) => error);
    expect(thrown).toBe(controller.signal.reason);
    expect((await hashFolder(root)).filter((line) => line.includes(".tmp"))).toEqual([]);
    await makeInOnePass(root);
    expect(await hashFolder(root)).toEqual(expected);
  }
});
