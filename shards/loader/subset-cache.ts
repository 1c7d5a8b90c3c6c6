import { imageAt, imageBytes } from "../../core/image-layout.ts";
import type { RowStore } from "../rows/row-store.ts";

/**
 * Keeps images of a finite subset after their first use. From the second epoch on nothing is read from disk, even if
 * the pool is far larger than memory.
 */
export class SubsetCache {
  readonly #store: RowStore;
  readonly #images: Uint8Array;
  readonly #isKept: Uint8Array;

  constructor(store: RowStore, numSamples: number) {
    this.#store = store;
    this.#images = new Uint8Array(numSamples * imageBytes);
    this.#isKept = new Uint8Array(numSamples);
  }

  isKept(slot: number): boolean {
    return this.#isKept[slot] === 1;
  }

  readImage(slot: number, row: number, index: number, images: Uint8Array): void {
    if (this.#isKept[slot] === 0) {
      this.#store.readImage(row, slot, this.#images);
      this.#isKept[slot] = 1;
    }
    images.set(imageAt(this.#images, slot), index * imageBytes);
  }
}
