import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import type { ImportSource } from "./import-source.ts";

/** A position in the rows of a source that only moves forward. */
export class RowCursor {
  readonly #path: string;
  readonly #chunks: AsyncGenerator<LabeledImages>;
  #row = 0;
  #rest: LabeledImages = { images: new Uint8Array(0), labels: new Uint8Array(0) };

  constructor(source: Pick<ImportSource, "path" | "read">) {
    this.#path = source.path;
    this.#chunks = source.read();
  }

  /**
   * Yields rows `start` to `end`, after skipping the rows before them.
   * @param start - not before the `end` of the previous call
   * @param onChunk - called for each chunk that is read, skipped or not
   * @throws Cifar5mError `import/source-changed` if there are fewer rows
   */
  async *take(start: number, end: number, onChunk: () => void): AsyncGenerator<LabeledImages> {
    while (this.#row < end) {
      onChunk();
      if (this.#rest.labels.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) throw sourceChanged(this.#path, `it ends at row ${this.#row}`);
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

  /** @throws Cifar5mError `import/source-changed` if there are more rows */
  async requireEnd(): Promise<void> {
    const hasMore = this.#rest.labels.length > 0 || (await this.#chunks.next()).done !== true;
    if (hasMore) throw sourceChanged(this.#path, `it goes on after row ${this.#row}`);
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined);
  }
}

/** The error for a source that changed while it was imported. */
export function sourceChanged(path: string, what: string): Cifar5mError {
  return new Cifar5mError(
    "import/source-changed",
    `${path} must stay as it is while it is imported: ${what}. ` +
      "Restore it and run again, or import it as it is now into another run folder.",
  );
}
