import pLimit from "p-limit";
import type { Manifest } from "../../shards/index.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { receiptFor } from "../../storage/receipt.ts";
import type { Run } from "../run/run.ts";
import type { UnitState } from "./unit-state.ts";

/** Number of receipts that are written at once. */
const numWriters = 4;

/**
 * Writes the lost receipts of undamaged shards. They follow from the manifest, so nothing has to be made again.
 * @param options.repaired - receives the paths of the receipts
 * @returns the states afterwards
 */
export async function restoreListedReceipts(options: {
  readonly run: Run;
  readonly states: readonly UnitState[];
  readonly manifest: Manifest | undefined;
  readonly repaired: string[];
}): Promise<UnitState[]> {
  const { run, states, manifest, repaired } = options;
  if (manifest === undefined) return [...states];
  const entries = [...manifest.splits.train.shards, ...manifest.splits.test.shards];
  const restore = async (state: UnitState): Promise<UnitState> => {
    const { stage, unit, receipt, expected, found } = state;
    const entry = entries[unit.index];
    if (stage !== "publish" || receipt !== undefined || found !== expected || entry === undefined) return state;
    const receiptPath = run.folder.receipt("publish", unit.name);
    const { configHash, models, createdBy } = manifest;
    const { rows, bytes, sha256, idStart, idEnd } = entry;
    const origin = { stage: "publish", unit: unit.number, idStart, idEnd, configHash, models, createdBy };
    const restored = receiptFor({ origin, rows, bytes, sha256, dataPath: run.folder.shard(unit), receiptPath });
    await replaceBytes(receiptPath, sealJson(restored));
    repaired.push(receiptPath);
    return { ...state, receipt: restored };
  };
  return await pLimit(numWriters).map(states, restore);
}
