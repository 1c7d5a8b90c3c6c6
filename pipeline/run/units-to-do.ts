import { dirname } from "node:path";
import { once } from "../../core/once.ts";
import { joinPath } from "../../storage/join-path.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readReceipt } from "../../storage/receipt.ts";
import { listReceipts } from "./list-receipts.ts";
import { mapFiles } from "./map-files.ts";
import { readPublishedSize } from "./published-size.ts";
import type { Run } from "./run.ts";
import type { StageContext } from "./stage.ts";
import { dataFileOf, type UnitStage } from "./unit-files.ts";
import { shareOf, type Unit, unitRows } from "./units.ts";

/**
 * The units of a worker, then those of the others if it takes over. What the others have done by then is counted by
 * listing the receipts, since to open those of a million units takes long. Units that are published are left out if what
 * they were made from was deleted.
 * @param stages - what is done to each unit, one of them or several in one pass
 * @param counter - the stage whose counts show how far the work is
 */
export async function* unitsToDo(
  run: Run,
  stages: readonly UnitStage[],
  context: StageContext,
  takeOver: boolean,
  counter: UnitStage,
): AsyncGenerator<Unit> {
  const { rank, worldSize } = context;
  const own = shareOf(run.units, { rank, worldSize, takeOver: false });
  const isNeedless = await openNeedlessCheck(run);
  for (const unit of own) {
    const needless = await Promise.all(stages.map((stage) => isNeedless(stage, unit)));
    if (needless.every(Boolean)) context.count(`${counter}/kept`, unitRows(unit));
    else yield unit;
  }
  if (!takeOver || worldSize === 1) return;
  const done = await Promise.all(stages.map((stage) => listReceipts(run.folder, stage)));
  for (const unit of shareOf(run.units, { rank, worldSize, takeOver }).slice(own.length)) {
    if (done.every((names) => names.has(unit.name))) context.count(`${counter}/kept`, unitRows(unit));
    else yield unit;
  }
}

/** Tells whether the file of a stage was deleted and does not have to be made again. */
export type NeedlessCheck = (stage: UnitStage, unit: Unit) => Promise<boolean>;

/** What published units were made from may be deleted. Only a set that grows needs it again, of a few units. */
export async function openNeedlessCheck(run: Run): Promise<NeedlessCheck> {
  const published = await readPublishedSize(run);
  if (published === undefined) return async () => false;
  if (!published.isNewest) {
    const names = new Set(published.units.map(({ name }) => name));
    return async (stage, unit) => names.has(unit.name) && (await isDeletedForGood(run, stage, unit));
  }
  const isWhole = once(() => hasAllShards(run));
  // Who deletes receipts too wants the work done again.
  return async (stage, unit) =>
    stage !== "publish" &&
    !(await fileExists(dataFileOf(run, stage, unit))) &&
    (await fileExists(run.folder.receipt(stage, unit.name))) &&
    (await isWhole());
}

async function isDeletedForGood(run: Run, stage: UnitStage, unit: Unit): Promise<boolean> {
  const { folder } = run;
  if (stage === "fingerprint" || stage === "publish") return false;
  if ((await fileExists(dataFileOf(run, stage, unit))) || !(await fileExists(folder.shard(unit)))) return false;
  if (stage !== "sample" || (await fileExists(folder.fingerprints(unit)))) return true;
  // Fingerprints are compared with the new images. The shard has all images but those that were removed.
  return (await readReceipt(folder.receipt("publish", unit.name))).rows === unitRows(unit);
}

/** Whether every shard is there, by listing folders: no shard is read. */
async function hasAllShards({ folder, units }: Run): Promise<boolean> {
  const paths = units.map((unit) => folder.shard(unit));
  const folders = [...new Set(paths.map((path) => dirname(path)))];
  const names = await mapFiles(folders, async (parent) =>
    (await listFolder(parent)).map((name) => joinPath(parent, name)),
  );
  const present = new Set(names.flat());
  return paths.every((path) => present.has(path));
}
