import { dirname, relative } from "node:path";
import type { Manifest, ShardEntry } from "../../shards/index.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { type Receipt, receiptVersion } from "../../storage/receipt.ts";
import type { Run } from "../run/run.ts";
import type { Unit } from "../run/units.ts";
import type { UnitState } from "./unit-state.ts";

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
    const path = run.folder.receipt("publish", unit.name);
    const file = relative(dirname(path), run.folder.shard(unit)).replaceAll("\\", "/");
    const restored = receiptOf({ unit, entry, manifest, file });
    await replaceBytes(path, sealJson(restored));
    repaired.push(path);
    return { ...state, receipt: restored };
  };
  return await Promise.all(states.map(restore));
}

function receiptOf(options: {
  readonly unit: Unit;
  readonly entry: ShardEntry;
  readonly manifest: Manifest;
  readonly file: string;
}): Receipt {
  const { unit, entry, manifest, file } = options;
  const { rows, bytes, sha256, idStart, idEnd } = entry;
  const { configHash, models, createdBy } = manifest;
  const origin = { stage: "publish", unit: unit.number, idStart, idEnd, configHash, models, createdBy };
  return { version: receiptVersion, ...origin, rows, bytes, sha256, file };
}
