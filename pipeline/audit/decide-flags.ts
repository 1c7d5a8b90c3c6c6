import type { FlagName } from "../../shards/format/flags.ts";
import type { ReportedRows } from "./audit-table.ts";
import type { NearDuplicate } from "./near-duplicates.ts";
import type { NearestOfSplit, ReferenceSplit } from "./nearest-references.ts";
import { memorizedBelow, nearCopyResidual } from "./thresholds.ts";

/** Flags of all audited rows: 0 or 1 each. */
export type RowFlagColumns = Readonly<Record<FlagName, Uint8Array>>;

/** The tests of all rows against one split of CIFAR-10. */
export interface ReferenceTests {
  readonly isNearCopy: Uint8Array;
  readonly isBelowThird: Uint8Array;
  readonly isAdaptive: Uint8Array;
  /** d₁/d₂; 1 if both are 0, or if there is no second image. */
  readonly ratios: Float64Array;
}

/** What the tests need of a search. A second distance of −1 or infinity stands for none. */
export type TestedReferences = Pick<NearestOfSplit, "squared" | "secondSquared" | "copyResidual" | "isAdaptive"> & {
  readonly copyIndex: ArrayLike<number>;
};

/** Tests all rows against one split of CIFAR-10. */
export function testReferences(found: TestedReferences): ReferenceTests {
  const { squared, secondSquared: second, copyIndex, copyResidual, isAdaptive } = found;
  const hasSecond = (row: number) => second[row]! > 0 && Number.isFinite(second[row]);
  const ratios = squared.map((first, row) => (hasSecond(row) ? Math.sqrt(first / second[row]!) : 1));
  return {
    isNearCopy: Uint8Array.from(copyResidual, (residual, row) =>
      Number(copyIndex[row]! >= 0 && residual <= nearCopyResidual),
    ),
    isBelowThird: Uint8Array.from(ratios, (ratio) => Number(ratio < memorizedBelow)),
    isAdaptive,
    ratios,
  };
}

/** The columns of an audit that are about one split of CIFAR-10. */
export function referencesOf(rows: ReportedRows, split: ReferenceSplit): TestedReferences {
  return {
    squared: rows[`${split}Squared`],
    secondSquared: rows[`${split}SecondSquared`],
    copyIndex: rows[`${split}CopyIndex`],
    copyResidual: rows[`${split}CopyResidual`],
    isAdaptive: rows[`${split}Adaptive`],
  };
}

/** Decides all flags. @param duplicates - near-duplicates within the set; the index of a row is that of its values */
export function decideFlags(
  tests: Readonly<Record<ReferenceSplit, ReferenceTests>>,
  duplicates: readonly NearDuplicate[],
  mislabeled: Uint8Array,
): RowFlagColumns {
  const { train, test } = tests;
  const nearDuplicate = new Uint8Array(mislabeled.length);
  for (const { row } of duplicates) nearDuplicate[row] = 1;
  return {
    nearCopy: train.isNearCopy,
    memorized: train.isBelowThird.map((below, row) => below | train.isAdaptive[row]!),
    leak: test.isNearCopy.map((copy, row) => copy | test.isBelowThird[row]! | test.isAdaptive[row]!),
    nearDuplicate,
    mislabeled,
  };
}
