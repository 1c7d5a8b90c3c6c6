import { createPermutation, permute } from "../../core/permutation.ts";
import { randomStreams } from "../../core/random.ts";
import { splitNames } from "../../shards/format/manifest.ts";
import type { Manifest, ShardEntry, SplitName } from "../../shards/index.ts";
import type { TableUnit } from "./audit-folder.ts";

/** The audit of one shard. */
export interface AuditUnit extends TableUnit {
  readonly split: SplitName;
  readonly entry: ShardEntry;
  /** The shard's first row in its split. */
  readonly firstRow: number;
  /** Rows of the shard that are audited, rising; undefined for all. */
  readonly rows: Uint32Array | undefined;
  readonly numRows: number;
}

/** One unit per shard. @param sample - number of rows to audit, of both splits together; all if it is left out */
export function planAudit(manifest: Manifest, sample: number | undefined, seed: number): AuditUnit[] {
  const shards = splitNames.flatMap((split) =>
    manifest.splits[split].shards.map((entry, part) => ({ split, entry, part })),
  );
  const total = shards.reduce((sum, { entry }) => sum + entry.rows, 0);
  const chosen = sample === undefined || sample >= total ? undefined : chooseRows(total, sample, seed);
  let firstRow = 0;
  let next = 0;
  const units: AuditUnit[] = [];
  for (const { split, entry, part } of shards) {
    const lastRow = firstRow + entry.rows;
    const start = next;
    while (chosen !== undefined && next < chosen.length && chosen[next]! < lastRow) next++;
    const first = firstRow;
    const rows = chosen && Uint32Array.from(chosen.subarray(start, next), (row) => row - first);
    firstRow = lastRow;
    const numRows = rows?.length ?? entry.rows;
    if (numRows === 0) continue;
    const name = `${split}-${String(part).padStart(5, "0")}`;
    const inSplit = firstRow - entry.rows - (split === "train" ? 0 : manifest.splits.train.rows);
    const { idStart, idEnd } = entry;
    units.push({ index: units.length, name, idStart, idEnd, split, entry, firstRow: inSplit, rows, numRows });
  }
  return units;
}

/** Different rows at random, rising; a set may have more of them than 32 bits count. */
function chooseRows(total: number, sample: number, seed: number): Float64Array {
  const order = createPermutation({ size: total, seed, id: 0, stream: randomStreams.audit });
  return Float64Array.from({ length: sample }, (_, position) => permute(position, order)).sort();
}
