import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { fileExists } from "../../storage/read-file.ts";
import { type Receipt, readReceiptIfAny } from "../../storage/receipt.ts";
import { readFetchReceipts } from "../cifar-10/fetch.ts";
import { type ImportedRun, readImportedRun } from "../import/imported-run.ts";
import { readModelReceipt } from "../models/models.ts";
import { type Run, readRun } from "../run/run.ts";
import type { ModelName, ReceiptStage, RunFolder } from "../run/run-folder.ts";
import { unitStages } from "../run/unit-files.ts";
import { surplusReason } from "../stages/kept-rows.ts";
import { readRemovals } from "../stages/removals.ts";

/** The progress of a stage. */
export interface StageState {
  readonly name: ReceiptStage;
  readonly numDone: number;
  readonly numUnits: number;
  /** Rows and bytes in the files of the finished units. */
  readonly rows: number;
  readonly bytes: number;
}

/** The content of a run folder. */
export interface RunState {
  /** Undefined if no stage that makes the data set has run, or if the set was imported. */
  readonly run: Run | undefined;
  readonly imported: ImportedRun | undefined;
  readonly hasCifar10: boolean;
  readonly models: Readonly<Partial<Record<ModelName, Receipt>>>;
  readonly stages: readonly StageState[];
  /** Number of removed samples by reason. Mirrored copies have their own entry: `duplicate-within-set (mirrored)`. */
  readonly removals: Readonly<Record<string, number>>;
  /** Undefined until the data set is published. */
  readonly manifest: Manifest | undefined;
}

/** Whether a folder holds any part of a run. */
export function isRun({ run, imported, hasCifar10, models, manifest }: RunState): boolean {
  return [run, imported, manifest].some((part) => part !== undefined) || hasCifar10 || Object.keys(models).length > 0;
}

/**
 * Inspects a run folder, finished or not. It writes nothing.
 * @throws Cifar5mError `json/corrupt`, `receipt/…`, `manifest/…`, `disk/…` for damaged files
 */
export async function inspectRun(folder: RunFolder): Promise<RunState> {
  const imported = await readImportedRun(folder);
  const isBuilt = imported === undefined && (await fileExists(folder.config));
  const run = isBuilt ? await readRun(folder) : undefined;
  const models: Partial<Record<ModelName, Receipt>> = {};
  for (const name of ["generator", "labeler"] as const) {
    const receipt = await readModelReceipt(folder, name);
    if (receipt !== undefined) models[name] = receipt;
  }
  const manifest = await readManifestIfAny(folder.dataset);
  return {
    run,
    imported,
    hasCifar10: (await readFetchReceipts(folder)) !== undefined,
    models,
    stages: await inspectStages(run, imported),
    removals: run === undefined ? {} : await readRemovalCounts(run, manifest),
    manifest,
  };
}

async function inspectStages(run: Run | undefined, imported: ImportedRun | undefined): Promise<StageState[]> {
  if (imported !== undefined) return [await inspectStage(imported, "import")];
  if (run === undefined) return [];
  return await Promise.all(unitStages.map((stage) => inspectStage(run, stage)));
}

async function inspectStage(run: Pick<Run, "folder" | "units">, name: ReceiptStage): Promise<StageState> {
  let [numDone, rows, bytes] = [0, 0, 0];
  for (const unit of run.units) {
    const receipt = await readReceiptIfAny(run.folder.receipt(name, unit.name));
    if (receipt === undefined) continue;
    numDone++;
    rows += receipt.rows;
    bytes += receipt.bytes;
  }
  return { name, numDone, numUnits: run.units.length, rows, bytes };
}

/** From the files of dedup, and once somebody deleted these, from the manifest, which does not tell mirrored copies. */
async function readRemovalCounts(run: Run, manifest: Manifest | undefined): Promise<Readonly<Record<string, number>>> {
  const counted = await countRemovals(run);
  if (counted === undefined) return manifest?.removals ?? {};
  const surplus = manifest?.removals[surplusReason];
  return { ...counted, ...(surplus === undefined ? {} : { [surplusReason]: surplus }) };
}

/** Undefined if a file of a unit that is done was deleted. */
async function countRemovals(run: Run): Promise<Record<string, number> | undefined> {
  const counts: Record<string, number> = {};
  for (const unit of run.units) {
    if ((await readReceiptIfAny(run.folder.receipt("dedup", unit.name))) === undefined) continue;
    const path = run.folder.removals(unit);
    if (!(await fileExists(path))) return undefined;
    for (const { reason, mirrored } of await readRemovals(path)) {
      const name = mirrored ? `${reason} (mirrored)` : reason;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}
