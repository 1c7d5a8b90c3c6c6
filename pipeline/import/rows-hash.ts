import { createHash } from "node:crypto";
import type { LabeledImages } from "../../core/image-layout.ts";
import { sha256 } from "../../storage/sha256.ts";

/**
 * sha256 of the labels and pixels of rows. It is the same for the same images in the same order, independent of their
 * packaging and of how the rows are cut into chunks.
 */
export class RowsHash {
  readonly #images = createHash("sha256");
  readonly #labels = createHash("sha256");

  update({ images, labels }: LabeledImages): void {
    this.#images.update(images);
    this.#labels.update(labels);
  }

  /** Passes rows on and hashes them. */
  async *through(chunks: AsyncIterable<LabeledImages>): AsyncGenerator<LabeledImages> {
    for await (const chunk of chunks) {
      this.update(chunk);
      yield chunk;
    }
  }

  /** Ends the hash. */
  digest(): string {
    return sha256(`images ${this.#images.digest("hex")}\nlabels ${this.#labels.digest("hex")}\n`);
  }
}
