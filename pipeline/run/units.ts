import type { SplitName } from "../../shards/format/manifest.ts";
/** The two parts of a data set. Train ids come first, test ids follow; no id is in both. */

/** The work for one shard: a fixed range of sample ids within one split. */
export interface Unit {
  /** Index among all units of the run. */
  readonly index: number;
  readonly split: SplitName;
  /** Index among the units of its split. */
  readonly part: number;
  /** First sample id. */
  readonly idStart: number;
  /** One past the last sample id. */
  readonly idEnd: number;
}

/** Consecutive rows of one split. */
export interface SplitPart {
  /** Index among all parts. */
  readonly index: number;
  readonly split: SplitName;
  /** Index among the parts of its split. */
  readonly part: number;
  /** First row, counted within the split. */
  readonly start: number;
  /** One past the last row. */
  readonly end: number;
}

/** Cuts splits into parts of `partSize` rows. The last part of each split may be shorter. */
export function planParts(
  splits: readonly { readonly split: SplitName; readonly rows: number }[],
  partSize: number,
): SplitPart[] {
  const parts: SplitPart[] = [];
  for (const { split, rows } of splits) {
    for (let start = 0, part = 0; start < rows; start += partSize, part++) {
      parts.push({ index: parts.length, split, part, start, end: Math.min(rows, start + partSize) });
    }
  }
  return parts;
}

/**
 * All units of a run: train ids 0 … count − 1, then test ids count … count + testCount − 1. A unit never spans both
 * splits; the last unit of each split may be shorter.
 */
export function planUnits(options: {
  readonly count: number;
  readonly testCount: number;
  readonly unitSize: number;
}): Unit[] {
  const { count, testCount, unitSize } = options;
  const firstIds = { train: 0, test: count } as const;
  const splits = [
    { split: "train", rows: count },
    { split: "test", rows: testCount },
  ] as const;
  return planParts(splits, unitSize).map(({ index, split, part, start, end }) => {
    const firstId = firstIds[split];
    return { index, split, part, idStart: firstId + start, idEnd: firstId + end };
  });
}

/**
 * The units that one of several workers does.
 * @param options.takeOver - whether the worker then continues with the units of the others, so that a run ends even if a
 *   worker died. Units that the others have finished by then cost nothing. The order of the others' units is reversed,
 *   so that the workers meet as late as possible
 */
export function shareOf(
  units: readonly Unit[],
  options: { readonly rank: number; readonly worldSize: number; readonly takeOver: boolean },
): Unit[] {
  const share = units.filter((unit) => unit.index % options.worldSize === options.rank);
  if (!options.takeOver) return share;
  const others = units.filter((unit) => unit.index % options.worldSize !== options.rank);
  return [...share, ...others.reverse()];
}

/** The base of the unit's file names: `train-00017`. */
export function unitName(unit: Unit): string {
  return `${unit.split}-${String(unit.part).padStart(5, "0")}`;
}

/** Number of samples of a unit before removals. */
export function unitRows(unit: Unit): number {
  return unit.idEnd - unit.idStart;
}

/**
 * The class that the generator is asked for. The classes rotate, so every 10 consecutive ids hold each class once. It
 * is −1, no class, if sampling is unconditional.
 */
export function conditioningClassOf(id: number, { conditional }: { readonly conditional: boolean }): number {
  return conditional ? id % 10 : -1;
}
