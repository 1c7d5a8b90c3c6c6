import type { StageContext } from "../run/stage.ts";
import type { Unit } from "../run/units.ts";
import type { ImportSource } from "./import-source.ts";
import { RowCursor } from "./row-cursor.ts";
import { RowsHash } from "./rows-hash.ts";

/** The summary of a source that was read to its end. */
export interface CheckedSource {
  /** Hash of all rows. */
  readonly sha256: string;
  /** Hash of the rows of each unit. */
  readonly unitHashes: readonly string[];
  /** Counts the labels of a range of rows, train before test. */
  readonly numByLabel: (start: number, end: number) => number[];
}

/**
 * Reads a source to its end. So every error in it is found before anything is written, and an import notices if the
 * source has changed since it began.
 * @param units - the ranges of rows that become shards, in order
 * @throws Cifar5mError `import/source-changed` if it has fewer or more rows than when it was opened; what is wrong with it
 */
export async function checkSource(
  source: ImportSource,
  units: readonly Pick<Unit, "idStart" | "idEnd">[],
  context: Pick<StageContext, "signal" | "count">,
): Promise<CheckedSource> {
  const whole = new RowsHash();
  const unitHashes: string[] = [];
  const allLabels = new Uint8Array(source.numRows.train + source.numRows.test);
  const cursor = new RowCursor(source);
  let row = 0;
  try {
    for (const { idStart, idEnd } of units) {
      const hash = new RowsHash();
      for await (const rows of cursor.take(idStart, idEnd, () => context.signal.throwIfAborted())) {
        whole.update(rows);
        hash.update(rows);
        allLabels.set(rows.labels, row);
        row += rows.labels.length;
        context.count("check/images", rows.labels.length);
      }
      unitHashes.push(hash.digest());
    }
    await cursor.requireEnd();
  } finally {
    await cursor.close();
  }
  return {
    sha256: whole.digest(),
    unitHashes,
    numByLabel: (start, end) => {
      const counts = new Array<number>(source.classNames.length).fill(0);
      for (const label of allLabels.subarray(start, end)) counts[label]!++;
      return counts;
    },
  };
}
