import type { SplitName } from "../../shards/index.ts";
import { fileExists } from "../../storage/read-file.ts";
import { type RemovalReason, readRemovals } from "../stages/removals.ts";
import type { ServedRun } from "./served-run.ts";

/** Copies on one page. */
const removedPerPage = 200;

/** A copy that is not in the set, and what it is a copy of. */
export interface RemovedCopy {
  readonly id: number;
  readonly split: SplitName;
  readonly reason: RemovalReason;
  readonly isMirrored: boolean;
  /** Sample id of the kept copy, or record index in a split of CIFAR-10. */
  readonly partner: number;
}

/** A page of the removed copies. */
export interface RemovedPage {
  readonly total: number;
  readonly byReason: Readonly<Record<string, number>>;
  readonly copies: readonly RemovedCopy[];
}

/** Reads all removals of a run, by rising id. @throws Cifar5mError `removals/corrupt`, `disk/…` */
export async function readRemovedCopies({ folder, run }: ServedRun): Promise<readonly RemovedCopy[]> {
  const copies: RemovedCopy[] = [];
  for (const unit of run.units) {
    const path = folder.removals(unit);
    if (!(await fileExists(path))) continue;
    for (const { id, reason, mirrored, partner } of await readRemovals(path)) {
      copies.push({ id, split: unit.split, reason, isMirrored: mirrored, partner });
    }
  }
  return copies.sort((a, b) => a.id - b.id);
}

/** One page of them. @param page - from 0 */
export function removedPage(copies: readonly RemovedCopy[], page: number): RemovedPage {
  const byReason: Record<string, number> = {};
  for (const { reason } of copies) byReason[reason] = (byReason[reason] ?? 0) + 1;
  const start = page * removedPerPage;
  return { total: copies.length, byReason, copies: copies.slice(start, start + removedPerPage) };
}
