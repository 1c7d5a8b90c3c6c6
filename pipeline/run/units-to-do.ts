import { fileExists } from "../../storage/read-file.ts";
import { readReceipt } from "../../storage/receipt.ts";
import { listReceipts } from "./list-receipts.ts";
import { readEarlierSize } from "./published-size.ts";
import type { Run } from "./run.ts";
import type { StageContext } from "./stage.ts";
import { dataFileOf, type UnitStage } from "./unit-files.ts";
import { shareOf, type Unit, unitRows } from "./units.ts";

/**
 * The units of a worker, then those of the others if it takes over. What the others have done by then is counted by
 * listing the receipts, since to open those of a million units takes long. Of a set that grows, units that are published
 * are left out if what they were made from was deleted.
 */
export async function* unitsToDo(
  run: Run,
  stage: UnitStage,
  context: StageContext,
  takeOver: boolean,
): AsyncGenerator<Unit> {
  const { rank, worldSize } = context;
  const own = shareOf(run.units, { rank, worldSize, takeOver: false });
  const published = new Set((await readEarlierSize(run))?.units.map(({ name }) => name));
  const isLeftOut = async (unit: Unit) => published.has(unit.name) && (await isNeedless(run, stage, unit));
  for (const unit of own) {
    if (await isLeftOut(unit)) context.count(`${stage}/kept`, unitRows(unit));
    else yield unit;
  }
  if (!takeOver || worldSize === 1) return;
  const done = await listReceipts(run.folder, stage);
  for (const unit of shareOf(run.units, { rank, worldSize, takeOver }).slice(own.length)) {
    if (done.has(unit.name)) context.count(`${stage}/kept`, unitRows(unit));
    else yield unit;
  }
}

/** Whether the deleted file of a published unit does not have to be made again for the units that the set grows by. */
async function isNeedless(run: Run, stage: UnitStage, unit: Unit): Promise<boolean> {
  const { folder } = run;
  if (stage === "fingerprint" || stage === "publish") return false;
  if ((await fileExists(dataFileOf(run, stage, unit))) || !(await fileExists(folder.shard(unit)))) return false;
  if (stage !== "sample" || (await fileExists(folder.fingerprints(unit)))) return true;
  // Fingerprints are compared with the new images. The shard has all images but those that were removed.
  return (await readReceipt(folder.receipt("publish", unit.name))).rows === unitRows(unit);
}
