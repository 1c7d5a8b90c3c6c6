import { Cifar5mError } from "../../core/errors.ts";
import { idsPerSplit } from "../../shards/format/free-ids.ts";
import type { SplitName } from "../../shards/format/manifest.ts";
import { nameOfPart } from "../../shards/format/part-name.ts";

/** Number of images of each split, before removals. */
export interface SetSize {
  readonly count: number;
  readonly testCount: number;
}

/** The work for one shard: a fixed range of sample ids within one split. */
export interface Unit {
  /** Index among all units of the run. It moves when the set grows. */
  readonly index: number;
  /** The number in its receipts, which does not move. */
  readonly number: number;
  readonly split: SplitName;
  /** Index among the units of its split. */
  readonly part: number;
  /** The base of its files, relative to the folder of a stage: `train-00017`, `001/train-01000`. */
  readonly name: string;
  /** Its shard, relative to the data set folder. */
  readonly shardFile: string;
  /** Which size of the set it came with: 0 for the first. */
  readonly sizeIndex: number;
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

/** The first id of the test part, 10¹². Train ids are smaller, so neither part moves when the other grows. */
export const firstTestId = idsPerSplit;

/** Number of units of a run, at most. */
const maxUnits = 1_000_000;
/** Most images of a unit. */
export const largestUnit = 500_000;

/** Units of which each subfolder holds the files. Those of the first so many are in no subfolder. */
const unitsPerFolder = 1000;

/**
 * All units of a run: train ids 0 … count − 1, then test ids from `firstTestId` on. Units end at multiples of the unit
 * size, and where a size of the set ended: a unit that was short stays short, so that what is published stays as it is.
 * @param sizes - the sizes that the set has had, oldest first, each split never smaller than before
 * @throws Cifar5mError `config/out-of-range` for more than a million units
 */
export function planUnits(sizes: readonly SetSize[], unitSize: number): Unit[] {
  for (const size of sizes) requirePlannable(size, unitSize);
  const units: Unit[] = [];
  for (const [split, firstId, key] of [
    ["train", 0, "count"],
    ["test", firstTestId, "testCount"],
  ] as const) {
    let [start, part] = [0, 0];
    for (const [sizeIndex, size] of sizes.entries()) {
      for (; start < size[key]; part++) {
        const end = Math.min(size[key], (Math.floor(start / unitSize) + 1) * unitSize);
        const folder = part < unitsPerFolder ? "" : `${String(Math.floor(part / unitsPerFolder)).padStart(3, "0")}/`;
        const digits = nameOfPart(part);
        units.push({
          index: units.length,
          number: part,
          split,
          part,
          name: `${folder}${split}-${digits}`,
          shardFile: `${split}/part-${digits}.arrow`,
          sizeIndex,
          idStart: firstId + start,
          idEnd: firstId + end,
        });
        start = end;
      }
    }
  }
  return units;
}

/**
 * All units of a set that cannot grow: an imported one, or one that an earlier release began. Test ids count … count +
 * testCount − 1 follow the train ids. A unit never spans both splits; the last unit of each split may be shorter.
 * @throws Cifar5mError `config/out-of-range` for more than a million units
 */
export function planFixedUnits(options: SetSize & { readonly unitSize: number }): Unit[] {
  const { count, testCount, unitSize } = options;
  requirePlannable(options, unitSize);
  const firstIds = { train: 0, test: count } as const;
  const splits = [
    { split: "train", rows: count },
    { split: "test", rows: testCount },
  ] as const;
  return planParts(splits, unitSize).map(({ index, split, part, start, end }) => {
    const digits = nameOfPart(part);
    return {
      index,
      number: index,
      split,
      part,
      name: `${split}-${digits}`,
      shardFile: `${split}/part-${digits}.arrow`,
      sizeIndex: 0,
      idStart: firstIds[split] + start,
      idEnd: firstIds[split] + end,
    };
  });
}

/**
 * Refuses a run with too many units: the plan of all units is in memory, and each unit has its own files.
 * @throws Cifar5mError `config/out-of-range`
 */
export function requirePlannable({ count, testCount }: SetSize, unitSize: number): void {
  if (Math.ceil(count / unitSize) + Math.ceil(testCount / unitSize) <= maxUnits) return;
  const images = count + testCount;
  const least = Math.ceil(images / (maxUnits - 2));
  throw new Cifar5mError(
    "config/out-of-range",
    least > largestUnit
      ? `count and testCount must be at most ${largestUnit * (maxUnits - 2)} together, so that a run has at most ${maxUnits} units of ${largestUnit} images, got ${images}. Ask for fewer images.`
      : `unitSize must be at least ${least} for ${images} images, so that a run has at most ${maxUnits} units, got ` +
          `${unitSize}. Give it another value, or ask for fewer images.`,
  );
}

/**
 * The units that one of several workers does.
 * @param options.takeOver - whether the worker then continues with the units of the others, so that a run ends even if a
 *   worker died. Units that the others have finished by then cost nothing. The order of the others' units is reversed,
 *   so that the workers meet as late as possible
 */
export function shareOf<Item extends { readonly index: number }>(
  units: readonly Item[],
  options: { readonly rank: number; readonly worldSize: number; readonly takeOver: boolean },
): Item[] {
  const share = units.filter((unit) => unit.index % options.worldSize === options.rank);
  if (!options.takeOver) return share;
  const others = units.filter((unit) => unit.index % options.worldSize !== options.rank);
  return [...share, ...others.reverse()];
}

/**
 * The order in which copies within a set are kept: negative if the image of the first id is kept and that of the second
 * is removed. What came with an earlier size comes first, since it may be published; then test images, so that a set may
 * grow in train images and its test part stays; then the smaller id. In a set that cannot grow, the smaller id alone.
 */
export function comparePrecedence({
  sizes,
  canGrow,
}: {
  readonly sizes: readonly SetSize[];
  readonly canGrow: boolean;
}): (a: number, b: number) => number {
  if (!canGrow) return (a, b) => a - b;
  const isTest = (id: number) => id >= firstTestId;
  const sizeIndexOf = (id: number) =>
    sizes.findIndex(({ count, testCount }) => (isTest(id) ? id - firstTestId < testCount : id < count));
  return (a, b) => sizeIndexOf(a) - sizeIndexOf(b) || Number(isTest(b)) - Number(isTest(a)) || a - b;
}

/** Number of samples of a unit before removals. */
export function unitRows(unit: Unit): number {
  return unit.idEnd - unit.idStart;
}

/** The shard of a unit, by the name of the unit. */
export function shardFileOf(name: string): string {
  const [split = "", part = ""] = name.split("/").at(-1)!.split("-");
  return `${split}/part-${part}.arrow`;
}

/**
 * The class that the generator is asked for. The classes rotate, so every 10 consecutive ids hold each class once. It
 * is −1, no class, if sampling is unconditional.
 */
export function conditioningClassOf(id: number, { conditional }: { readonly conditional: boolean }): number {
  return conditional ? id % 10 : -1;
}
