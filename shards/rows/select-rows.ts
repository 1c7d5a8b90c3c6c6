import type { Cifar5mError } from "../../core/errors.ts";
import { flagsTableName, wrongTable } from "../format/flags.ts";
import type { ResolvedFilter } from "./row-filter.ts";
import type { RowFlags } from "./row-flags.ts";
import { RowCollector, type RowNumbers } from "./row-numbers.ts";
import type { RowStore } from "./row-store.ts";

/**
 * The rows that a filter keeps, rising. Reads labels and confidences of the whole split, one shard at a time, and keeps
 * none of them in memory.
 * @param flags - of the rows of the split, if the filter has flags
 * @returns the rows, in memory that workers can share
 * @throws Cifar5mError `flags/wrong-table` if the flags have other ids; `shard/…`, `table/…`, `disk/…`, `store/…`
 */
export async function selectRows(store: RowStore, filter: ResolvedFilter, flags?: RowFlags): Promise<RowNumbers> {
  const isWanted = new Uint8Array(store.numClasses);
  for (const label of filter.classes) isWanted[label] = 1;
  const kept = new RowCollector(store.numRows);
  for await (const { firstRow, shard } of store.readShards()) {
    const labels = shard.readLabels();
    const confidences = shard.readConfidences();
    const ids = flags === undefined ? undefined : shard.readIds();
    for (const [rowInShard, label] of labels.entries()) {
      const row = firstRow + rowInShard;
      if (flags !== undefined && ids !== undefined) {
        if (flags.ids[row] !== ids[rowInShard]) throw otherId(store, row, flags.ids[row], ids[rowInShard]!);
        if (flags.isKept[row] === 0) continue;
      }
      if (isWanted[label] === 1 && confidences[rowInShard]! >= filter.minConfidence) kept.add(row);
    }
  }
  return kept.finish();
}

function otherId(store: RowStore, row: number, seen: number | undefined, wanted: number): Cifar5mError {
  const path = `${store.location}/${flagsTableName}`;
  return wrongTable(path, `must have id ${wanted} in row ${row} of the split, it has ${seen}`);
}
