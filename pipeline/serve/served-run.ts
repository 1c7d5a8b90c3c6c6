import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readImportedRun } from "../import/imported-run.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { type Run, readRun } from "../run/run.ts";
import { type RunFolder, runFolderAt } from "../run/run-folder.ts";
import { type CifarSplit, readCifarImage, readPart } from "./cifar-records.ts";

/** The run folder that a set is served from: it knows more than the set. */
export interface ServedRun {
  readonly folder: RunFolder;
  readonly run: Run;
  /** Opens the models of the run. */
  readonly runtime: ModelRuntime;
}

/**
 * The run of a folder.
 * @param runtime - opens its models; without it, the run is not served
 * @returns undefined for the folder of a set, for an imported set, and for a folder in which
 * nothing has begun
 * @throws Cifar5mError `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function findServedRun(root: string, runtime: ModelRuntime | undefined): Promise<ServedRun | undefined> {
  const folder = runFolderAt(root);
  if (runtime === undefined || !(await fileExists(folder.config)) || (await readImportedRun(folder)) !== undefined)
    return undefined;
  return { folder, run: await readRun(folder), runtime };
}

/** An image as it was sampled, removed or not: uint8, shape [32, 32, 3]. @returns undefined if it is not kept */
export async function readSample({ folder, run }: ServedRun, id: number): Promise<Uint8Array | undefined> {
  const unit = run.units.find(({ idStart, idEnd }) => id >= idStart && id < idEnd);
  if (unit === undefined) return undefined;
  return await readPart(folder.samples(unit), (id - unit.idStart) * imageBytes, imageBytes);
}

/** An image of the CIFAR-10 in the run folder. @returns undefined if it is not there */
export async function readRunCifarImage(
  { folder }: ServedRun,
  split: CifarSplit,
  index: number,
): Promise<Uint8Array | undefined> {
  return await readCifarImage(folder.cifar10, split, index);
}

/** Reads the sizes and units anew: a run that is being built may grow. */
export async function refreshRun(served: ServedRun): Promise<ServedRun> {
  try {
    return { ...served, run: await readRun(served.folder) };
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) return served;
    throw thrown;
  }
}
