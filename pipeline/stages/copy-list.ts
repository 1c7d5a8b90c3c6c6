import type { ByteSource } from "../../shards/arrow/byte-source.ts";
import { type Removal, type RemovalReason, removalReasons } from "./removals.ts";

/** Bytes of a copy: its id and its partner as float64, fingerprint, reason, whether it is mirrored; little endian. */
const copyBytes = 40;

/** The bytes of a list of copies that a search found. @param removals - by rising id */
export function writeCopies(removals: readonly Removal[]): Uint8Array {
  const bytes = new Uint8Array(removals.length * copyBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, { id, partner, fingerprint, reason, mirrored }] of removals.entries()) {
    const offset = index * copyBytes;
    view.setFloat64(offset, id, true);
    view.setFloat64(offset + 8, partner, true);
    bytes.set(Buffer.from(fingerprint, "hex"), offset + 16);
    bytes[offset + 32] = removalReasons.indexOf(reason);
    bytes[offset + 33] = mirrored ? 1 : 0;
  }
  return bytes;
}

/** Number of copies in a list. */
export function countCopies(list: ByteSource): number {
  return list.bytes / copyBytes;
}

/** Reads the copies of a list whose ids lie in [idStart, idEnd). Nothing else of the list is kept in memory. */
export function copiesBetween(list: ByteSource, idStart: number, idEnd: number): Removal[] {
  const record = new Uint8Array(copyBytes);
  const view = new DataView(record.buffer);
  const idAt = (index: number) => {
    list.readInto(index * copyBytes, record);
    return view.getFloat64(0, true);
  };
  let [low, high] = [0, list.bytes / copyBytes];
  const numCopies = high;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (idAt(middle) < idStart) low = middle + 1;
    else high = middle;
  }
  const removals: Removal[] = [];
  for (let index = low; index < numCopies; index++) {
    const id = idAt(index);
    if (id >= idEnd) break;
    removals.push({
      id,
      reason: removalReasons[record[32]!] as RemovalReason,
      mirrored: record[33] === 1,
      partner: view.getFloat64(8, true),
      fingerprint: Buffer.from(record.subarray(16, 32)).toString("hex"),
    });
  }
  return removals;
}
