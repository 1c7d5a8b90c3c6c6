import { dirname, resolve } from "node:path";
import type { Manifest, ShardEntry } from "../../shards/index.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { fileExists } from "../../storage/read-file.ts";
import { type Receipt, readReceiptIfAny, readUndamaged, requireSameOrigin } from "../../storage/receipt.ts";
import { mapFiles } from "../run/map-files.ts";
import type { Run } from "../run/run.ts";
import type { StageContext } from "../run/stage.ts";
import { dataFileOf, type UnitStage, unitStages } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";

/** The state of one stage's files for one unit. */
export interface UnitState {
  readonly stage: UnitStage;
  readonly unit: Unit;
  /** The receipt, if it is readable and belongs to this unit. */
  readonly receipt: Receipt | undefined;
  /** sha256 that the file must have, by receipt or manifest; undefined if neither exists. */
  readonly expected: string | undefined;
  /** sha256 that the file has; undefined if there is no file. */
  readonly found: string | undefined;
}

/** sha256 of the models that a stage names in its receipts. */
export function modelsOf(
  stage: UnitStage,
  models: Readonly<Record<string, string>>,
): Readonly<Record<"generator" | "labeler" | "cifar-10", string>> {
  const names = {
    sample: ["generator"],
    label: ["generator", "labeler"],
    fingerprint: ["generator"],
    dedup: ["generator", "cifar-10"],
    publish: ["generator", "labeler", "cifar-10"],
  } as const;
  return Object.fromEntries(names[stage].map((name) => [name, models[name]])) as Record<
    (typeof names.publish)[number],
    string
  >;
}

/**
 * Examines the files of all stages and units. It writes nothing.
 * @param options.models - sha256 of `generator`, `labeler` and `cifar-10`
 * @param options.manifest - takes precedence over receipts; undefined if no manifest can be trusted
 * @returns by stage and unit, in the order of the data
 * @throws Cifar5mError `unit/config-changed` for an undamaged receipt of another config or model; `disk/…`
 */
export async function examineUnits(
  run: Run,
  options: { readonly models: Readonly<Record<string, string>>; readonly manifest: Manifest | undefined },
  context: Pick<StageContext, "signal">,
): Promise<UnitState[]> {
  const { models, manifest } = options;
  const entries = manifest === undefined ? [] : [...manifest.splits.train.shards, ...manifest.splits.test.shards];
  const pairs = unitStages.flatMap((stage) => run.units.map((unit) => ({ stage, unit })));
  return await mapFiles(pairs, async ({ stage, unit }) => {
    context.signal.throwIfAborted();
    const path = dataFileOf(run, stage, unit);
    const entry = stage === "publish" ? entries[unit.index] : undefined;
    const receipt = await readTrustedReceipt({ run, stage, unit, path, entry, models });
    return {
      stage,
      unit,
      receipt,
      expected: entry?.sha256 ?? receipt?.sha256,
      found: (await fileExists(path)) ? (await hashFile(path)).sha256 : undefined,
    };
  });
}

/** Whether file and receipt exist and agree. */
export function isWhole({ receipt, found }: UnitState): boolean {
  return receipt !== undefined && receipt.sha256 === found;
}

/** Whether the file or the receipt is damaged or lost. An intermediate file that was deleted counts as neither. */
export function isDamaged(state: UnitState): boolean {
  const isSpared = state.stage !== "publish" && state.receipt !== undefined && state.found === undefined;
  return !isWhole(state) && !isSpared;
}

async function readTrustedReceipt(options: {
  readonly run: Run;
  readonly stage: UnitStage;
  readonly unit: Unit;
  readonly path: string;
  readonly entry: ShardEntry | undefined;
  readonly models: Readonly<Record<string, string>>;
}): Promise<Receipt | undefined> {
  const { run, stage, unit, path, entry, models } = options;
  const receiptPath = run.folder.receipt(stage, unit.name);
  const receipt = await readUndamaged(() => readReceiptIfAny(receiptPath));
  if (receipt === undefined) return undefined;
  requireSameOrigin(receiptPath, receipt, { configHash: run.hash, models: modelsOf(stage, models) });
  const isOfUnit =
    receipt.stage === stage &&
    receipt.unit === unit.number &&
    receipt.idStart === unit.idStart &&
    receipt.idEnd === unit.idEnd &&
    resolve(dirname(receiptPath), receipt.file) === resolve(path);
  const isListed =
    entry === undefined ||
    (receipt.sha256 === entry.sha256 && receipt.rows === entry.rows && receipt.bytes === entry.bytes);
  return isOfUnit && isListed ? receipt : undefined;
}
