import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ModelRuntime } from "../../../pipeline/models/model-runtime.ts";
import { repairRun } from "../../../pipeline/repair/repair.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { makeCifar10 } from "../../support/make-cifar-10.ts";
import { runBuild, smallConfig, testContext } from "../../support/run-build.ts";
import { standInImage, standInRuntime } from "../../support/stand-in-runtime.ts";
import { hashFolder } from "../kill-build.ts";

export const config = resolveConfig(smallConfig);
export let folder: string;
export let pristine: string;
export let expected: string[];
export let runtime: ModelRuntime;

/** Makes the run that the tests damage copies of. */
export async function makeFinishedRun(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-repair-"));
  pristine = join(folder, "pristine");
  const data = join(folder, "cifar-10");
  await makeCifar10(data);
  runtime = standInRuntime({ planted: plantedCopies() });
  await runBuild({ root: pristine, runtime, sources: { data } });
  expected = await hashFolder(pristine);
}

export async function removeFinishedRun(): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** Copies within the set, so that one train and one test unit have removals. */
export function plantedCopies(): Map<number, Uint8Array> {
  const image = standInImage({ seed: 0, weights: Buffer.from("w") }, 2, 2);
  return new Map([2, 30, 60].map((id) => [id, image]));
}

/** A copy of the finished run; it is removed after the test. */
export async function copyRun(): Promise<string> {
  const root = await mkdtemp(join(folder, "run-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await cp(pristine, root, { recursive: true });
  return root;
}

export const repair = async (root: string, models: ModelRuntime = runtime) =>
  await repairRun({ folder: runFolderAt(root), config, runtime: models }, testContext());

/** Files that verification knows, relative to the run's folder. A card is nobody's proof: `card` writes it again, and edits of it are kept. */
export function repairableFiles(): string[] {
  const card = /^dataset\/(README\.md|croissant\.json|contact-sheet\.png)$/;
  return expected
    .map((line) => line.split(" ")[0]!.slice(1))
    .filter((file) =>
      /^(dataset|samples|labels|dedup)\/|^receipts\/(sample|label|fingerprint|dedup|publish)\//.test(file),
    )
    .filter((file) => !card.test(file));
}

export async function flipBit(path: string, bit: number): Promise<void> {
  const bytes = await readFile(path);
  const byte = bit % bytes.length;
  bytes[byte] = bytes[byte]! ^ (1 << (bit % 8));
  await writeFile(path, bytes);
}
