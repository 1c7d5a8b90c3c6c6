import { imageBytes, numCifar10Classes } from "../../core/image-layout.ts";
import type { Labeler } from "../../labeler/create-labeler.ts";

/** Requests to the labeler at the same time. */
const requestsAtOnce = 2;

/** Labels images as they come, in batches of the labeler's own size. */
export class StreamedLabels {
  readonly #labeler: Labeler;
  /** float32, shape [images, 10]. */
  readonly #probabilities: Float32Array;
  readonly #onLabeled: (numImages: number) => void;
  readonly #running = new Set<Promise<void>>();
  #batch: Uint8Array;
  #numInBatch = 0;
  #numRequested = 0;

  /** @param onLabeled - told how many more images are labeled */
  constructor(labeler: Labeler, numImages: number, onLabeled: (numImages: number) => void) {
    this.#labeler = labeler;
    this.#probabilities = new Float32Array(numImages * numCifar10Classes);
    this.#onLabeled = onLabeled;
    this.#batch = new Uint8Array(labeler.batchSize * imageBytes);
  }

  /**
   * Takes further images, uint8 [n, 32, 32, 3]. It waits while the labeler has enough to do.
   * @throws what the labeler throws
   */
  async add(images: Uint8Array): Promise<void> {
    for (let start = 0; start < images.length; ) {
      const freeBytes = this.#batch.length - this.#numInBatch * imageBytes;
      const part = images.subarray(start, start + freeBytes);
      this.#batch.set(part, this.#numInBatch * imageBytes);
      this.#numInBatch += part.length / imageBytes;
      start += part.length;
      if (part.length === freeBytes) await this.#request();
    }
  }

  /**
   * Labels what is left.
   * @returns the probabilities of all images, float32 [images, 10]
   * @throws what the labeler throws
   */
  async finish(): Promise<Float32Array> {
    if (this.#numInBatch > 0) await this.#request();
    await Promise.all(this.#running);
    return this.#probabilities;
  }

  /** Waits for the requests under way, whatever their results. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #request(): Promise<void> {
    const batch = this.#batch.subarray(0, this.#numInBatch * imageBytes);
    const from = this.#numRequested * numCifar10Classes;
    const numImages = this.#numInBatch;
    this.#batch = new Uint8Array(this.#batch.length);
    this.#numInBatch = 0;
    this.#numRequested += numImages;
    const labeled = this.#labeler.label(batch).then((probabilities) => {
      this.#probabilities.set(probabilities, from);
      this.#onLabeled(numImages);
      this.#running.delete(labeled);
    });
    // An error stays among the running, where the next call meets it.
    labeled.catch(() => undefined);
    this.#running.add(labeled);
    while (this.#running.size >= requestsAtOnce) await Promise.race(this.#running);
  }
}
