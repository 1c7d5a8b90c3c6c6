import type { FlagName } from "../../shards/format/flags.ts";
import type { AuditRows } from "./audit-table.ts";
import type { NearDuplicate } from "./near-duplicates.ts";
import type { ReferenceSplit } from "./nearest-references.ts";
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

/** Tests all rows against one split of CIFAR-10. */
export function testReferences(rows: AuditRows, split: ReferenceSplit): ReferenceTests {
  const [first, second] = [rows[`${split}Squared`], rows[`${split}SecondSquared`]];
  const ratios = first.map((squared, row) => (second[row]! > 0 ? Math.sqrt(squared / second[row]!) : 1));
  const isPresent = (row: number) => rows[`${split}CopyIndex`][row]! >= 0;
  return {
    isNearCopy: Uint8Array.from(rows[`${split}CopyResidual`], (residual, row) =>
      Number(isPresent(row) && residual <= nearCopyResidual),
    ),
    isBelowThird: Uint8Array.from(ratios, (ratio) => Number(ratio < memorizedBelow)),
    isAdaptive: rows[`${split}Adaptive`],
    ratios,
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
