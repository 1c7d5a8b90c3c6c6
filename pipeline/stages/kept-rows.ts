import { argmax } from "../../core/argmax.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { cifar10ClassNames, numCifar10Classes } from "../../core/image-layout.ts";
import { mapFiles } from "../run/map-files.ts";
import type { Run } from "../run/run.ts";
import { readProbabilities, readUnitFile } from "../run/unit-files.ts";
import { type Unit, unitRows } from "../run/units.ts";
import { parseRemovals, type Removal } from "./removals.ts";

/** Why a manifest counts an image as left out that `balance` leaves out. It has no partner, so no record of its own. */
export const surplusReason = "surplus-of-class";

/** The rows of a unit that are published. */
export interface KeptRows {
  /** By rising id. */
  readonly rows: readonly number[];
  /** Number of rows that are not copies, and are left out because their label has enough images. */
  readonly numSurplus: number;
  /** What dedup removed. */
  readonly removals: readonly Removal[];
  /** Of all rows of the unit: float32 [rows, 10] flattened. */
  readonly probabilities: Float32Array;
}

/**
 * Tells which rows of a unit are published: all but the removals and, with `balance`, the surplus of its labels. Of the
 * images that came with one size of the set, in one split, each label keeps as many as the rarest one has: the first by id.
 * So what is published stays when the set grows, and no result depends on workers.
 * @returns a function that reads what it needs once. It throws Cifar5mError `balance/class-missing`; `receipt/missing` if
 *   an earlier stage is not done; `unit/hash-mismatch`, `removals/corrupt`, `disk/…`
 */
export function openKeptRows(run: Run): (unit: Unit) => Promise<KeptRows> {
  const plans = new Map<string, Promise<ReadonlyMap<string, readonly number[]>>>();
  return async (unit) => {
    const unique = await readUniqueRows(run, unit);
    if (!run.config.balance) return unique;
    const part = `${unit.split} ${unit.sizeIndex}`;
    const plan = plans.get(part) ?? planPart(run, unit);
    plans.set(part, plan);
    const rows = takeFirst(unique.rows, unique.probabilities, (await plan).get(unit.name)!);
    return { ...unique, rows, numSurplus: unique.rows.length - rows.length };
  };
}

/** The most probable class of a row (the smaller one of equals) and its probability. */
export function labelOf(probabilities: Float32Array, row: number): { label: number; confidence: number } {
  const ofRow = probabilities.subarray(row * numCifar10Classes, (row + 1) * numCifar10Classes);
  const label = argmax(ofRow);
  return { label, confidence: ofRow[label]! };
}

/** Number of rows by label: shape [10]. */
export function countLabels(probabilities: Float32Array, rows: readonly number[]): number[] {
  const counts = new Array<number>(numCifar10Classes).fill(0);
  for (const row of rows) counts[labelOf(probabilities, row).label]!++;
  return counts;
}

/** The rows that dedup kept. */
async function readUniqueRows(run: Run, unit: Unit): Promise<KeptRows> {
  const probabilities = await readProbabilities(run, unit);
  const path = run.folder.removals(unit);
  const removals = parseRemovals(await readUnitFile(run, "dedup", unit, path), path);
  const removed = new Set(removals.map(({ id }) => id - unit.idStart));
  const rows = Array.from({ length: unitRows(unit) }, (_, row) => row).filter((row) => !removed.has(row));
  return { rows, numSurplus: 0, removals, probabilities };
}

/** How many rows of each label each unit keeps, of the units that came with the same size in the same split. */
async function planPart(run: Run, { split, sizeIndex }: Unit): Promise<ReadonlyMap<string, readonly number[]>> {
  const units = run.units.filter((unit) => unit.split === split && unit.sizeIndex === sizeIndex);
  const counts = await mapFiles(units, async (unit) => {
    const { probabilities, rows } = await readUniqueRows(run, unit);
    return countLabels(probabilities, rows);
  });
  const totals = cifar10ClassNames.map((_, label) => counts.reduce((sum, ofUnit) => sum + ofUnit[label]!, 0));
  const smallest = Math.min(...totals);
  if (smallest === 0 && sizeIndex === 0) {
    const missing = cifar10ClassNames.filter((_, label) => totals[label] === 0).join(", ");
    throw new Cifar5mError(
      "balance/class-missing",
      `balance needs an image of each label, and the ${split} part has none of ${missing}. ` +
        `Name a new run folder and ask for more images with --${split === "train" ? "count" : "test-count"}.`,
    );
  }
  const left = totals.map(() => smallest);
  return new Map(
    units.map((unit, index) => {
      const kept = counts[index]!.map((count, label) => Math.min(count, left[label]!));
      for (const [label, count] of kept.entries()) left[label]! -= count;
      return [unit.name, kept];
    }),
  );
}

/** The first rows of each label. @param numKept - number of rows by label */
function takeFirst(rows: readonly number[], probabilities: Float32Array, numKept: readonly number[]): number[] {
  const left = [...numKept];
  return rows.filter((row) => left[labelOf(probabilities, row).label]!-- > 0);
}
