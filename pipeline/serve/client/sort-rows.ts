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

/** Bits of a float32 that one pass sorts by: few enough that its counts stay in the cache. */
const bitsPerPass = 11;

function sortRising(rows: Uint32Array, columns: RowColumns, ids: Float64Array, key: SortKey): Uint32Array {
  if (key === "label") return countingSort(rows, columns.labels, { shift: 0, bits: 8 });
  if (key === "id") return isRising(rows, ids) ? rows : rows.slice().sort((a, b) => ids[a]! - ids[b]! || a - b);
  // The bits of floats that are not negative rise with them.
  const { buffer, byteOffset, length } = columns.confidences;
  const floatBits = new Uint32Array(buffer, byteOffset, length);
  let sorted = rows;
  for (let shift = 0; shift < 32; shift += bitsPerPass) {
    sorted = countingSort(sorted, floatBits, { shift, bits: bitsPerPass });
  }
  return sorted;
}

/** Sorts rows by some bits of their keys. @param keys - by row */
function countingSort(
  rows: Uint32Array,
  keys: Uint8Array | Uint32Array,
  { shift, bits }: { readonly shift: number; readonly bits: number },
): Uint32Array {
  const mask = (1 << bits) - 1;
  const starts = new Uint32Array(2 ** bits + 1);
  for (let at = 0; at < rows.length; at++) starts[((keys[rows[at]!]! >>> shift) & mask) + 1]!++;
  for (let key = 0; key < mask; key++) starts[key + 1]! += starts[key]!;
  const sorted = new Uint32Array(rows.length);
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const key = (keys[row]! >>> shift) & mask;
    sorted[starts[key]!] = row;
    starts[key]!++;
  }
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
