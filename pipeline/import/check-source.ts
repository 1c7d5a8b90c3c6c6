import { createHash } from "node:crypto";
import { sha256 } from "../../storage/sha256.ts";
import type { StageContext } from "../run/stage.ts";
import type { ImportSource } from "./import-source.ts";

/** What a source holds, known once it was read to its end. */
export interface CheckedSource {
  /** Of all labels and pixels; the same for the same images in the same order, whatever they are packed in. */
  readonly sha256: string;
  /** Label of every row, train before test. */
  readonly numByLabel: (start: number, end: number) => number[];
}

/**
 * Reads a source to its end, so that whatever is wrong with it is known before anything is written, and a source that
 * changed is told from the one an interrupted import began with.
 * @throws Cifar5mError for whatever is wrong with it
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
