import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";

/** A position in a stream of images that only moves forward. */
export class RowCursor {
  readonly #chunks: AsyncGenerator<LabeledImages>;
  #row = 0;
  #rest: LabeledImages = { images: new Uint8Array(0), labels: new Uint8Array(0) };

  constructor(chunks: AsyncGenerator<LabeledImages>) {
    this.#chunks = chunks;
  }

  /**
   * Yields rows `start` to `end`, after skipping the rows before them.
   * @param onChunk - called for each chunk that is read, skipped or not
   * @throws Cifar5mError `import/source-changed` if there are fewer rows, or `start` was passed
   */
  async *take(start: number, end: number, onChunk: () => void): AsyncGenerator<LabeledImages> {
    if (start < this.#row) throw changed(`row ${start} was asked for after row ${this.#row}`);
    while (this.#row < end) {
      onChunk();
      if (this.#rest.labels.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) throw changed(`it ends at row ${this.#row}`);
        this.#rest = next.value;
      }
      const { images, labels } = this.#rest;
      const limit = this.#row < start ? start : end;
      const rows = Math.min(labels.length, limit - this.#row);
      const isWanted = this.#row >= start;
      this.#row += rows;
      this.#rest = { images: images.subarray(rows * imageBytes), labels: labels.subarray(rows) };
      if (isWanted) yield { images: images.subarray(0, rows * imageBytes), labels: labels.subarray(0, rows) };
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}

function changed(what: string): Cifar5mError {
  return new Cifar5mError(
    "import/source-changed",
    `the source must stay as it is while it is read: ${what}. Run again.`,
  );
}
