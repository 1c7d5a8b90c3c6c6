import { binOf, numBins } from "../../../core/confidence-bins.ts";
import { noClassBit, type RowColumns } from "../row-columns.ts";

/** Which rows to show. */
export interface Filter {
  /** Labels; empty for all. */
  readonly labels: readonly number[];
  /** Only rows whose label is not the class that was asked for. */
  readonly isOther: boolean;
  /** Smallest and largest confidence. */
  readonly from: number;
  readonly to: number;
  /** Bits of flags that matter, and the values that they must have. */
  readonly flagMask: number;
  readonly flagValues: number;
}

/** The rows that a filter keeps, and counts for its controls. */
export interface Selection {
  /** In file order. */
  readonly rows: Uint32Array;
  /** Rows by label that pass all but the choice of labels, shape [256]. */
  readonly labelCounts: Uint32Array;
  /** Rows by confidence that pass all but the range of confidence, shape [bins]. */
  readonly bins: Uint32Array;
}

/** Filters all rows of a split. */
export function selectRows(columns: RowColumns, filter: Filter): Selection {
  const { numRows, confidences, labels, classes, flags } = columns;
  const { isOther, flagMask, flagValues } = filter;
  const isChosen = new Uint8Array(256).fill(filter.labels.length === 0 ? 1 : 0);
  for (const label of filter.labels) isChosen[label] = 1;
  // Confidences are float32: a limit of 0.9 must keep the row whose confidence is shown as 0.9.
  const [from, to] = [Math.fround(filter.from), Math.fround(filter.to)];
  const hasRange = filter.from > 0 || filter.to < 1;
  const kept = new Uint32Array(numRows);
  const labelCounts = new Uint32Array(256);
  const bins = new Uint32Array(numBins);
  let numKept = 0;
  for (let row = 0; row < numRows; row++) {
    if ((flags[row]! & flagMask) !== flagValues) continue;
    const label = labels[row]!;
    if (isOther && (classes[row] === label || (flags[row]! & noClassBit) !== 0)) continue;
    const confidence = confidences[row]!;
    const isInRange = !hasRange || (confidence >= from && confidence <= to);
    if (isInRange) labelCounts[label]!++;
    if (isChosen[label] === 0) continue;
    bins[binOf(confidence)]!++;
    if (isInRange) kept[numKept++] = row;
  }
  return { rows: kept.slice(0, numKept), labelCounts, bins };
}
