import type { ShardEntry } from "../../shards/index.ts";
import { readReceipt, requireSameOrigin } from "../../storage/receipt.ts";
import type { Run } from "../run/run.ts";
import { adviseStage } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";

/**
 * The entry of a unit's shard in the manifest, from the receipt of the stage that wrote the shard.
 * @param models - sha256 of the models that the shard must have been made with
 * @throws Cifar5mError `receipt/missing` while the shard is not written; `unit/config-changed`; `disk/…`
 */
export async function readShardEntry(
  { folder, hash }: Pick<Run, "folder" | "hash">,
  stage: "publish" | "import",
  unit: Unit,
  models: Readonly<Record<string, string>>,
): Promise<ShardEntry> {
  const path = folder.receipt(stage, unit.name);
  const receipt = await readReceipt(path, adviseStage(folder, stage));
  requireSameOrigin(path, receipt, { configHash: hash, models });
  const { rows, bytes, sha256, idStart, idEnd } = receipt;
  return { file: unit.shardFile, rows, bytes, sha256, idStart, idEnd };
}
