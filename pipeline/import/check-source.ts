import { createHash } from "node:crypto";
import { sha256 } from "../../storage/sha256.ts";
import type { StageContext } from "../run/stage.ts";
import type { ImportSource } from "./import-source.ts";

/** The summary of a source that was read to its end. */
export interface CheckedSource {
  /**
   * sha256 of all labels and pixels. It is the same for the same images in the same order, independent of their
   * packaging.
   */
  readonly sha256: string;
  /** Counts the labels of a range of rows, train before test. */
  readonly numByLabel: (start: number, end: number) => number[];
}

/**
 * Reads a source to its end. So every error in it is found before anything is written, and a resumed import notices if
 * the source has changed since the import began.
 * @throws Cifar5mError if anything is wrong with the source
 */
export async function checkSource(
  source: ImportSource,
  context: Pick<StageContext, "signal" | "count">,
): Promise<CheckedSource> {
  const [images, labels] = [createHash("sha256"), createHash("sha256")];
  const allLabels = new Uint8Array(source.numRows.train + source.numRows.test);
  let row = 0;
  for await (const chunk of source.read()) {
    context.signal.throwIfAborted();
    images.update(chunk.images);
    labels.update(chunk.labels);
    allLabels.set(chunk.labels, row);
    row += chunk.labels.length;
    context.count("check/images", chunk.labels.length);
  }
  return {
    sha256: sha256(`images ${images.digest("hex")}\nlabels ${labels.digest("hex")}\n`),
    numByLabel: (start, end) => {
      const counts = new Array<number>(source.classNames.length).fill(0);
      for (const label of allLabels.subarray(start, end)) counts[label]!++;
      return counts;
    },
  };
}
