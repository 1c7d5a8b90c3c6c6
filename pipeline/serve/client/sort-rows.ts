import type { RowColumns } from "../row-columns.ts";

export const sortKeys = ["id", "confidence", "label"] as const;
export type SortKey = (typeof sortKeys)[number];

/**
 * Sorts rows, stably; falling order is the reverse of the rising one.
 * @param rows - in file order
 * @param ids - of all rows of the split
 */
export function sortRows(
  rows: Uint32Array,
  columns: RowColumns,
  ids: Float64Array,
  { key, isFalling }: { readonly key: SortKey; readonly isFalling: boolean },
): Uint32Array {
  const sorted = sortRising(rows, columns, ids, key);
  return isFalling ? sorted.slice().reverse() : sorted;
}

function sortRising(rows: Uint32Array, columns: RowColumns, ids: Float64Array, key: SortKey): Uint32Array {
  if (key === "label") return countingSort(rows, (row) => columns.labels[row]!, 256);
  if (key === "id") return isRising(rows, ids) ? rows : rows.slice().sort((a, b) => ids[a]! - ids[b]! || a - b);
  // The bits of floats that are not negative rise with them.
  const { buffer, byteOffset, length } = columns.confidences;
  const bits = new Uint32Array(buffer, byteOffset, length);
  const byLow = countingSort(rows, (row) => bits[row]! & 0xffff, 0x1_0000);
  return countingSort(byLow, (row) => bits[row]! >>> 16, 0x1_0000);
}

function countingSort(rows: Uint32Array, keyOf: (row: number) => number, numKeys: number): Uint32Array {
  const starts = new Uint32Array(numKeys + 1);
  for (const row of rows) starts[keyOf(row) + 1]!++;
  for (let key = 0; key < numKeys; key++) starts[key + 1]! += starts[key]!;
  const sorted = new Uint32Array(rows.length);
  for (const row of rows) sorted[starts[keyOf(row)]!++] = row;
  return sorted;
}

function isRising(rows: Uint32Array, ids: Float64Array): boolean {
  for (let at = 1; at < rows.length; at++) if (ids[rows[at - 1]!]! > ids[rows[at]!]!) return false;
  return true;
}

/** The ids of all rows. */
export function allIds({ numRows, firstRows, idBases, idOffsets }: RowColumns): Float64Array {
  const ids = new Float64Array(numRows);
  for (let batch = 0; batch < firstRows.length; batch++) {
    const end = firstRows[batch + 1] ?? numRows;
    for (let row = firstRows[batch]!; row < end; row++) ids[row] = idBases[batch]! + idOffsets[row]!;
  }
  return ids;
}

/**
 * The rows of another set with the same ids.
 * @returns the other's row by row, −1 where it has none; shape [ids]
 */
export function matchIds(ids: Float64Array, others: Float64Array): Int32Array {
  const matches = new Int32Array(ids.length).fill(-1);
  if (rises(ids) && rises(others)) {
    for (let row = 0, at = 0; row < ids.length; row++) {
      while (at < others.length && others[at]! < ids[row]!) at++;
      if (others[at] === ids[row]) matches[row] = at;
    }
    return matches;
  }
  const rowOf = new Map<number, number>();
  for (let row = 0; row < others.length; row++) rowOf.set(others[row]!, row);
  for (let row = 0; row < ids.length; row++) matches[row] = rowOf.get(ids[row]!) ?? -1;
  return matches;
}

function rises(ids: Float64Array): boolean {
  for (let row = 1; row < ids.length; row++) if (ids[row - 1]! > ids[row]!) return false;
  return true;
}
