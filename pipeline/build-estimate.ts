import { readdir, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { imageBytes } from "../core/image-layout.ts";
import { type BuildSources, guideOf, modelSource } from "./build.ts";
import type { Sampler } from "./models/model-runtime.ts";
import { readModel, readModelReceipt } from "./models/models.ts";
import { readGeneratorFile } from "./models/read-model-file.ts";
import type { Config } from "./run/config.ts";
import { type ModelName, type ReceiptStage, runFolderAt } from "./run/run-folder.ts";
import type { StageContext } from "./run/stage.ts";
import type { Step, StepOptions } from "./run/step.ts";
import { conditioningClassOf, planUnits, unitName, unitRows } from "./run/units.ts";

/** How long a stage takes for the images it still has to do, milliseconds. */
export type RemainingMs = Readonly<Partial<Record<"sample" | "label", number>>>;

/** What a build will take, as far as it can be told before it starts. */
export interface BuildEstimate {
  readonly train: number;
  readonly test: number;
  /** Images that are not sampled yet, by any worker. */
  readonly remaining: number;
  /** Files of the whole run, bytes. */
  readonly bytes: number;
  /** Free bytes of the disk it is built on; undefined where nobody can tell. */
  readonly freeBytes: number | undefined;
  /** Empty for few images, and for models that are not trained yet. */
  readonly remainingMs: RemainingMs;
  /** Whether a model has to be trained first, which takes time of its own. */
  readonly trains: boolean;
}

/** A shard's row: image, id, label, class, confidence, ten probabilities. */
const rowBytes = imageBytes + 8 + 8 + 8 + 4 + 40;
/** What a run keeps of an image: its sample, its probabilities, its fingerprint, its row. */
const keptBytes = imageBytes + 40 + 16 + rowBytes;
/** Fewer images, or denoiser calls, are done about as soon as their time is measured. */
const few = { images: 500, calls: 5000 } as const;
/** Speed is measured with a sampler of so many calls, at most: a batch of a thousand takes minutes. */
const mostCalls = 40;
/** A first batch that took as long, milliseconds, tells enough. */
const longBatchMs = 5000;

/** A step that measures what a build will take, before its work begins. */
export function estimateStep(
  options: StepOptions,
  sources: BuildSources,
  report: (estimate: BuildEstimate) => void,
): Step {
  return {
    name: "estimate",
    total: 0,
    async *run(context) {
      const estimate = await estimateBuild(options, sources, context);
      report(estimate);
      yield estimate;
    },
  };
}

async function estimateBuild(
  options: StepOptions,
  sources: BuildSources,
  { worldSize, signal }: StageContext,
): Promise<BuildEstimate> {
  const { root, config } = options;
  const [unsampled, unlabeled] = await Promise.all(
    (["sample", "label"] as const).map((stage) => countRemaining(root, config, stage)),
  );
  const [generator, labeler] = await Promise.all(
    (["generator", "labeler"] as const).map((name) => readWeights(options, sources, name)),
  );
  const remainingMs: { sample?: number; label?: number } = {};
  const isLong = unsampled! * config.sampler.steps >= few.calls;
  if (isLong && generator !== undefined) {
    remainingMs.sample = ((await timeSampling(options, generator, signal)) * unsampled!) / worldSize;
  }
  if ((isLong || unsampled === 0) && unlabeled! >= few.images && labeler !== undefined) {
    remainingMs.label = ((await timeLabeling(options, labeler, signal)) * unlabeled!) / worldSize;
  }
  return {
    train: config.count,
    test: config.testCount,
    remaining: unsampled!,
    bytes: (config.count + config.testCount) * keptBytes,
    freeBytes: await freeBytesAt(root),
    remainingMs,
    trains: generator === undefined || labeler === undefined,
  };
}

/** Images of units that have no receipt of a stage. */
async function countRemaining(root: string, config: Config, stage: ReceiptStage): Promise<number> {
  const names = await readdir(dirname(runFolderAt(root).receipt(stage, "any"))).catch(() => []);
  const done = new Set(names);
  return planUnits(config).reduce((sum, unit) => sum + (done.has(`${unitName(unit)}.json`) ? 0 : unitRows(unit)), 0);
}

/** The model that the build will use; undefined for one that it trains. */
async function readWeights(
  { root, config }: StepOptions,
  sources: BuildSources,
  name: ModelName,
): Promise<Uint8Array | undefined> {
  const folder = runFolderAt(root);
  if ((await readModelReceipt(folder, name)) !== undefined) return await readModel(folder, name);
  const file = modelSource(name, sources, config);
  return file === undefined ? undefined : await readGeneratorFile(file, guideOf(name, sources));
}

/** @returns milliseconds an image */
async function timeSampling(
  { config, runtime }: StepOptions,
  weights: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const open = async (steps: number) =>
    await runtime.openSampler({ ...config, sampler: { ...config.sampler, steps } }, weights);
  const time = async (sampler: Sampler) => {
    const ids = Float64Array.from({ length: sampler.batchSize }, (_, index) => index);
    const classes = Int8Array.from(ids, (id) => conditioningClassOf(id, config.sampler));
    const spentMs = await timeSecond(() => sampler.sample({ ids, classes }), signal);
    return spentMs / ids.length / sampler.nfe;
  };
  const sampler = await open(config.sampler.steps);
  const { nfe } = sampler;
  if (nfe <= mostCalls) return (await time(sampler).finally(() => sampler.close())) * nfe;
  await sampler.close();
  const quick = await open(4);
  return (await time(quick).finally(() => quick.close())) * nfe;
}

/** @returns milliseconds an image */
async function timeLabeling(
  { config, runtime }: StepOptions,
  weights: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const labeler = await runtime.openLabeler(config, weights);
  const images = new Uint8Array(labeler.batchSize * imageBytes);
  const spentMs = await timeSecond(() => labeler.label(images), signal).finally(() => labeler.close());
  return spentMs / labeler.batchSize;
}

/** Time of a second run: the first allocates memory and chooses algorithms. */
async function timeSecond(run: () => Promise<unknown>, signal: AbortSignal): Promise<number> {
  let spentMs = 0;
  for (let turn = 0; turn < 2 && spentMs < longBatchMs; turn++) {
    signal.throwIfAborted();
    const startMs = performance.now();
    await run();
    spentMs = performance.now() - startMs;
  }
  return spentMs;
}

/** @param path - a folder that may not exist yet */
async function freeBytesAt(path: string): Promise<number | undefined> {
  const folder = resolve(path);
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? undefined : await freeBytesAt(dirname(folder));
  }
}
