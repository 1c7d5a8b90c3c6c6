import { cp, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { importModel } from "../../pipeline/models/models.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { readRun } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import type { SetSize } from "../../pipeline/run/units.ts";
import { dedupStep, fingerprintStep, labelStep, manifestStep, publishStep, sampleStep } from "../../pipeline/steps.ts";
import { verifyStep } from "../../pipeline/verify/verify.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import { sha256 } from "../../storage/sha256.ts";
import { runSteps, testContext } from "./run-build.ts";
import { standInImage, standInRuntime } from "./stand-in-runtime.ts";

/** A set of stand-in images. */
export interface GrowingSet {
  readonly root: string;
  readonly unitSize: number;
  readonly planted?: ReadonlyMap<number, Uint8Array>;
  readonly delayMs?: number;
}

/** The stand-in image of an id, to plant copies of it. */
export const imageOf = (id: number) => standInImage({ seed: 0, weights: Buffer.from("weights") }, id, id % 10);

/** The sizes that `stand-in-growth.ts` goes through; most do not end with a whole unit. */
export const grownSizes: readonly SetSize[] = [
  { count: 10, testCount: 4 },
  { count: 12, testCount: 4 },
  { count: 19, testCount: 7 },
];

/** What the steps of a set of some size take. */
export function optionsOf({ root, unitSize, ...standIn }: GrowingSet, size: SetSize): StepOptions {
  // Guidance and steps as they are in the run of 0.1.0 that goes on.
  const config = resolveConfig({ ...size, unitSize, sampler: { batchSize: 4, guidance: 1, steps: 10 } });
  return { folder: runFolderAt(root), config, runtime: standInRuntime(standIn), takeOver: true };
}

/** The steps that make a set from its models, in order. */
export function stepsOf(options: StepOptions): Step[] {
  const makers = [sampleStep, labelStep, fingerprintStep, dedupStep, publishStep, manifestStep, verifyStep];
  return makers.map((step) => step(options));
}

/** Puts stand-in models into a run. */
export async function installModels(root: string): Promise<void> {
  for (const name of ["generator", "labeler"] as const) {
    await importModel(runFolderAt(root), name, Buffer.from("weights"));
  }
}

/** Makes a set, or lets it grow to a size. */
export async function growTo(set: GrowingSet, size: SetSize, context = testContext()): Promise<void> {
  await installModels(set.root);
  await runSteps(stepsOf(optionsOf(set, size)), context);
}

/** A copy of a run folder, as it is. */
export async function copyRun(root: string, name: string): Promise<string> {
  const copy = `${root}-${name}`;
  await cp(root, copy, { recursive: true });
  return copy;
}

/** One text for each row of a split: its id, its label and a hash of its image. */
export async function rowsOf(root: string, split: "train" | "test"): Promise<string[]> {
  const { folder, units } = await readRun(runFolderAt(root));
  const rows: string[] = [];
  for (const unit of units.filter((candidate) => candidate.split === split)) {
    const { columns } = await readShard(folder.shard(unit));
    for (const [row, id] of columns.id.entries()) {
      rows.push(`${id} ${columns.label[row]} ${sha256(columns.image.subarray(row * 3072, (row + 1) * 3072))}`);
    }
  }
  return rows;
}

/** Name, hash and time of every file of a folder but the manifest. */
export async function filesOf(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(directory, { recursive: true })).sort()) {
    const path = join(directory, name);
    const { mtimeMs, isFile } = await stat(path).then((found) => ({ mtimeMs: found.mtimeMs, isFile: found.isFile() }));
    if (isFile && name !== "manifest.json") files.set(name, `${sha256(await readFile(path))} ${mtimeMs}`);
  }
  return files;
}
