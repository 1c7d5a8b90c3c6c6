import pLimit from "p-limit";
import { median } from "../../core/median.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import type { ReceiptStage, RunFolder } from "../run/run-folder.ts";
import { type Unit, unitRows } from "../run/units.ts";

/** Number of receipts whose time is asked for, about. */
const numAsked = 1000;
/** Number of receipts that are asked for at once. */
const numReaders = 16;

/** After a pause of so many times what a unit takes, a stage began again. */
const unitsOfPause = 10;
/** No shorter pause counts, milliseconds. */
const shortestPauseMs = 600_000;
/** The pause that counts if nobody knows how long a rank takes for a unit, milliseconds. */
const unknownPauseMs = 6 * 3_600_000;

/**
 * Images a second of all workers of a stage since its last pause, by the times of its newest receipts. A worker does its
 * units in order, so its newest receipts are those with the highest index: no others are looked at.
 * @param options.done - finished units, by rising index
 * @param options.numRanks - of the stage; undefined if it is not known. Then the times of units that end together say
 *   nothing about how long one takes, and only a long time without any is a pause
 * @returns undefined if too few units are done to tell, or if nothing happens any more
 */
export async function measureRate(options: {
  readonly folder: RunFolder;
  readonly stage: ReceiptStage;
  readonly done: readonly Unit[];
  readonly numRanks: number | undefined;
  readonly nowMs?: number;
}): Promise<number | undefined> {
  const { folder, stage, done, numRanks, nowMs = Date.now() } = options;
  const limit = pLimit(numReaders);
  const ended = async (unit: Unit) => {
    const found = await readFileFactsIfAny(folder.receipt(stage, unit.name)).catch(() => undefined);
    return { rows: unitRows(unit), endedMs: found?.modifiedMs ?? 0 };
  };
  const ranks = await Promise.all(
    newestOfRanks(done, numRanks ?? 1).map(async ({ newest, isAll }) => {
      const times = await limit.map(newest, ended);
      return { times, isAll, firstMs: earliest(times) };
    }),
  );
  const all = ranks.flatMap(({ times }) => times).sort((a, b) => a.endedMs - b.endedMs);
  // Before this time, some units were not looked at.
  const seenMs = ranks.reduce((last, { isAll, firstMs }) => (isAll ? last : Math.max(last, firstMs)), earliest(all));
  const pauseMs = numRanks === undefined ? unknownPauseMs : shortestPause(ranks.map(({ times }) => times));
  const sinceMs = all.reduce(
    (since, { endedMs }, index) =>
      index > 0 && endedMs - all[index - 1]!.endedMs > pauseMs ? Math.max(since, endedMs) : since,
    seenMs,
  );
  const rows = all.reduce((sum, { rows: some, endedMs }) => sum + (endedMs > sinceMs ? some : 0), 0);
  if (rows === 0 || nowMs - all.at(-1)!.endedMs > pauseMs) return undefined;
  return (1000 * rows) / Math.max(nowMs - sinceMs, 1);
}

/** How long nothing must have ended for the stage to have paused, milliseconds: far longer than a rank takes for a unit. */
function shortestPause(ranks: readonly (readonly { readonly endedMs: number }[])[]): number {
  const unitMs = ranks.flatMap((times) => times.slice(1).map(({ endedMs }, index) => endedMs - times[index]!.endedMs));
  return unitMs.length === 0 ? unknownPauseMs : Math.max(shortestPauseMs, unitsOfPause * median(unitMs));
}

/** The last units of each rank, and whether they are all of it. */
function newestOfRanks(
  done: readonly Unit[],
  numRanks: number,
): { readonly newest: readonly Unit[]; readonly isAll: boolean }[] {
  const perRank = Math.max(3, Math.ceil(numAsked / numRanks));
  const ofRanks = new Map<number, Unit[]>();
  for (const unit of done) {
    const rank = unit.index % numRanks;
    const units = ofRanks.get(rank);
    if (units === undefined) ofRanks.set(rank, [unit]);
    else units.push(unit);
  }
  return [...ofRanks.values()].map((units) => ({ newest: units.slice(-perRank), isAll: units.length <= perRank }));
}

function earliest(times: readonly { readonly endedMs: number }[]): number {
  return times.reduce((least, { endedMs }) => Math.min(least, endedMs), Number.POSITIVE_INFINITY);
}
