import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { imageBytes } from "../core/image-layout.ts";
import { objectsAt } from "../storage/object-files.ts";
import { hasCheckpoint } from "../storage/training-store.ts";
import { type BuildSources, guideOf, modelSource } from "./build.ts";
import { cifar10Files, recordBytes } from "./cifar-10/cifar-10-files.ts";
import { readModel, readModelReceipt } from "./models/models.ts";
import { readGeneratorFile } from "./models/read-model-file.ts";
import { timeLabeling, timeSampling } from "./models/time-models.ts";
import { type Config, resolveConfig } from "./run/config.ts";
import { listReceipts } from "./run/list-receipts.ts";
import { plannedUnits } from "./run/run.ts";
import type { ModelName, ReceiptStage, RunFolder } from "./run/run-folder.ts";
import type { StageContext } from "./run/stage.ts";
import type { Step, StepOptions } from "./run/step.ts";
import { unitRows } from "./run/units.ts";

/** Remaining time of a stage, milliseconds. */
export type RemainingMs = Readonly<Partial<Record<"sample" | "label", number>>>;

/** The expected cost of a build, as far as it can be estimated before the start. */
export interface BuildEstimate {
  readonly train: number;
  readonly test: number;
  /** Number of images that no worker has sampled yet. */
  readonly remaining: number;
  /** Size of all files of the run, bytes, except for what trainings keep and models that are not trained yet. */
  readonly bytes: number;
  /** The part of `bytes` that is not on the disk yet. */
  readonly bytesLeft: number;
  /** Whether every unit is done, so that nothing of any size is left to write. */
  readonly isWritten: boolean;
  /** Free bytes on the run's disk; undefined if unknown. */
  readonly freeBytes: number | undefined;
  /** Empty if few images remain, and if models are not trained yet. */
  readonly remainingMs: RemainingMs;
  /** Whether a model must be trained first, which takes additional time. */
  readonly trains: boolean;
  /** Whether a new run would sample the shipped generator by the default recipe, where `tuned` is much faster. */
  readonly suggestsTuned: boolean;
}

/** Bytes of a shard's row: image, id, label, class, confidence, ten probabilities. */
const rowBytes = imageBytes + 8 + 8 + 8 + 4 + 40;
/** Bytes that the stages keep per image: its sample, its probabilities, its fingerprint, its row. */
const keptBytes = { sample: imageBytes, label: 40, fingerprint: 16, publish: rowBytes } as const;
const allKeptBytes = Object.values(keptBytes).reduce((sum, bytes) => sum + bytes);
/** Bytes of the two contact sheets. */
const sheetBytes = 500_000;
/** This many images or denoiser calls, or fewer, are not worth a measurement. */
const few = { images: 500, calls: 5000 } as const;

/** A step that measures how long a build will take, before the build's work begins. */
export function estimateStep(
  options: StepOptions,
  sources: BuildSources,
  report: (estimate: BuildEstimate) => void,
): Step {
  return {
    name: "estimate",
    total: 0,
    isQuiet: true,
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
  const { folder, config } = options;
  const left = await countRemaining(folder, config);
  const [generator, labeler] = await Promise.all(
    (["generator", "labeler"] as const).map((name) => readWeights(options, sources, name)),
  );
  const remainingMs: { sample?: number; label?: number } = {};
  const isLong = left.sample * config.sampler.steps >= few.calls;
  if (isLong && generator !== undefined) {
    remainingMs.sample = ((await timeSampling(options, generator, signal)) * left.sample) / worldSize;
  }
  if ((isLong || left.sample === 0) && left.label >= few.images && labeler !== undefined) {
    remainingMs.label = ((await timeLabeling(options, labeler, signal)) * left.label) / worldSize;
  }
  const dataBytes = sources.data === undefined ? 0 : cifar10Files().length * config.recordsPerFile * recordBytes;
  const bytes =
    (config.count + config.testCount) * allKeptBytes +
    sheetBytes +
    (generator?.length ?? 0) +
    (labeler?.length ?? 0) +
    dataBytes;
  const stages = Object.keys(keptBytes) as (keyof typeof keptBytes)[];
  const isBegun = left.sample < config.count + config.testCount;
  const unitBytesLeft = stages.reduce((sum, stage) => sum + left[stage] * keptBytes[stage], 0);
  return {
    train: config.count,
    test: config.testCount,
    remaining: left.sample,
    bytes,
    // Whoever has sampled had models and data.
    bytesLeft: isBegun ? unitBytesLeft + sheetBytes : bytes,
    isWritten: unitBytesLeft === 0,
    freeBytes: await freeBytesAt(folder.root),
    remainingMs,
    trains: generator === undefined || labeler === undefined,
    suggestsTuned:
      isDeepStrictEqual(config.sampler, resolveConfig({}).sampler) && (await takesShipped(folder, sources)),
  };
}

/** Whether the build brings the shipped generator into a run that has none, and trains none. */
async function takesShipped(folder: RunFolder, { generator, data }: BuildSources): Promise<boolean> {
  if (generator !== undefined || data !== undefined) return false;
  return (
    (await readModelReceipt(folder, "generator")) === undefined && !(await hasCheckpoint(folder.training("generator")))
  );
}

/** Number of images in units that have no receipt of a stage, by stage. */
async function countRemaining(
  folder: RunFolder,
  config: Config,
): Promise<Readonly<Record<keyof typeof keptBytes, number>>> {
  const units = await plannedUnits(folder, config);
  const count = async (stage: ReceiptStage) => {
    const done = await listReceipts(folder, stage);
    return units.reduce((sum, unit) => sum + (done.has(unit.name) ? 0 : unitRows(unit)), 0);
  };
  const [sample, label, fingerprint, publish] = await Promise.all(
    (["sample", "label", "fingerprint", "publish"] as const).map(count),
  );
  return { sample: sample!, label: label!, fingerprint: fingerprint!, publish: publish! };
}

/** The weights that the build will use; undefined for a model that it trains. */
export async function readWeights(
  { folder, config }: StepOptions,
  sources: BuildSources,
  name: ModelName,
): Promise<Uint8Array | undefined> {
  if ((await readModelReceipt(folder, name)) !== undefined) return await readModel(folder, name);
  const file = modelSource(name, sources, config);
  return file === undefined ? undefined : await readGeneratorFile(file, guideOf(name, sources));
}

/** @param path - a folder, which may not exist yet, or a place in a bucket, of which nothing is known */
async function freeBytesAt(path: string): Promise<number | undefined> {
  if (objectsAt(path) !== undefined) return undefined;
  const folder = resolve(path);
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? undefined : await freeBytesAt(dirname(folder));
  }
}
