import { imageBytes } from "../../core/image-layout.ts";
import { median } from "../../core/median.ts";
import { type Audit, type Rate, rateOf } from "./audit-report.ts";
import type { ReportedRows } from "./audit-table.ts";
import type { ReferenceTests, RowFlagColumns } from "./decide-flags.ts";
import type { NearDuplicate } from "./near-duplicates.ts";
import { type ReferenceSplit, referenceSplits } from "./nearest-references.ts";

/** Images of each split of CIFAR-10 in the report, and near-duplicates within the set. */
const [numNearest, numPairs] = [24, 100];

/** The figures of a report that follow from the search. */
export function summarizeRows(options: {
  readonly rows: ReportedRows;
  readonly tests: Readonly<Record<ReferenceSplit, ReferenceTests>>;
  readonly flags: RowFlagColumns;
  readonly duplicates: readonly NearDuplicate[];
  readonly isSample: boolean;
}): Pick<Audit, "train" | "test" | "flags" | "nearest" | "pairs"> {
  const { rows, tests, flags, duplicates, isSample } = options;
  const rate = (flagged: Uint8Array): Rate =>
    rateOf(
      flagged.reduce((sum, value) => sum + value, 0),
      flagged.length,
      isSample,
    );
  const ofSplit = (split: ReferenceSplit) => ({
    nearCopies: rate(tests[split].isNearCopy),
    ratioBelowThird: rate(tests[split].isBelowThird),
    adaptive: rate(tests[split].isAdaptive),
    distance: quantiles(rows[`${split}Squared`]),
    medianRatio: rows.id.length === 0 ? 1 : median([...tests[split].ratios]),
  });
  return {
    train: ofSplit("train"),
    test: ofSplit("test"),
    flags: {
      nearCopy: rate(flags.nearCopy),
      memorized: rate(flags.memorized),
      leak: rate(flags.leak),
      ...(isSample ? {} : { nearDuplicate: rate(flags.nearDuplicate) }),
      mislabeled: rate(flags.mislabeled),
    },
    nearest: referenceSplits.flatMap((split) => listNearest(rows, split, tests[split].ratios)),
    pairs: [...duplicates]
      .sort((a, b) => a.residual - b.residual || a.row - b.row)
      .slice(0, numPairs)
      .map(({ row, of, isMirrored, residual }) => ({ id: rows.id[row]!, of: rows.id[of]!, isMirrored, residual })),
  };
}

/** Quantiles of distances, per value of a pixel. */
function quantiles(squared: Float64Array): Audit["train"]["distance"] {
  const sorted = squared.filter((value) => value >= 0).sort();
  const at = (share: number) => Math.sqrt((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) / imageBytes);
  return { smallest: at(0), percent1: at(0.01), median: at(0.5) };
}

/** The rows that an image of CIFAR-10 explains best. */
function listNearest(rows: ReportedRows, split: ReferenceSplit, ratios: Float64Array): Audit["nearest"] {
  const [copies, residuals] = [rows[`${split}CopyIndex`], rows[`${split}CopyResidual`]];
  return [...copies.keys()]
    .filter((row) => copies[row]! >= 0)
    .sort((a, b) => residuals[a]! - residuals[b]! || a - b)
    .slice(0, numNearest)
    .map((row) => ({
      id: rows.id[row]!,
      of: split,
      index: copies[row]!,
      isMirrored: rows[`${split}CopyMirrored`][row] === 1,
      residual: residuals[row]!,
      nearestIndex: rows[`${split}Index`][row]!,
      distance: Math.sqrt(rows[`${split}Squared`][row]! / imageBytes),
      ratio: ratios[row]!,
    }));
}
