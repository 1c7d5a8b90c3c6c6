import type { SampleOrder } from "../order/sample-order.ts";
import type { ExtraValues } from "../rows/extra-columns.ts";
import { type RowNumbers, rowNumberAt } from "../rows/row-numbers.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { Samples } from "../rows/samples.ts";
import type { ImageCache } from "./image-cache.ts";
import { createLabelNoise } from "./label-noise.ts";
import type { LivePool } from "./live-pool.ts";
import type { ResolvedOptions } from "./resolve-options.ts";

/** Where samples come from. */
export interface SampleSource {
  readonly store: RowStore;
  /** Rows of the store to serve, by pool index; undefined for all of them. */
  readonly rows: RowNumbers | undefined;
  readonly order: SampleOrder;
  readonly cache: ImageCache | undefined;
}

/** Reads the sample at a position of an order: from memory, from a shard, or from a live pool. */
export class SampleReader {
  readonly #source: SampleSource;
  readonly #noisyLabel: ((id: number, label: number) => number) | undefined;

  constructor(source: SampleSource, labelNoise: ResolvedOptions["labelNoise"], numClasses: number) {
    this.#source = source;
    if (labelNoise !== undefined) this.#noisyLabel = createLabelNoise(labelNoise, numClasses);
  }

  /**
   * Rows of the store that must be read for some positions, except those beyond the pool and those in memory.
   * @param withColumns - also columns that are not kept with the images
   */
  rowsToRead(epoch: number, positions: readonly number[], withColumns: boolean): number[] {
    const { order, cache } = this.#source;
    const located = positions
      .filter((position) => position < order.numSamples)
      .map((position) => this.#locate(epoch, position));
    return located.flatMap(({ slot, row }) => (!withColumns && cache?.isKept(slot) === true ? [] : [row]));
  }

  /** Copies id, label and image to `target[index]`. */
  read(epoch: number, position: number, index: number, target: Samples, live: LivePool | undefined): void {
    const { store, cache, order } = this.#source;
    if (position >= order.numSamples && live !== undefined) {
      live.read(position, index, target);
    } else {
      const { slot, row } = this.#locate(epoch, position);
      if (cache === undefined) {
        store.readRow(row, index, target);
      } else {
        store.readIdAndLabel(row, index, target);
        cache.readImage(slot, row, index, target.images);
      }
    }
    if (this.#noisyLabel !== undefined) {
      target.labels[index] = this.#noisyLabel(target.ids[index]!, target.labels[index]!);
    }
  }

  /** Copies the columns that `target` holds to `target[index]`. */
  readExtras(epoch: number, position: number, index: number, target: ExtraValues, live: LivePool | undefined): void {
    if (position >= this.#source.order.numSamples && live !== undefined) {
      live.readExtras(position, index, target);
    } else {
      this.#source.store.readExtras(this.#locate(epoch, position).row, index, target);
    }
  }

  #locate(epoch: number, position: number): { readonly slot: number; readonly row: number } {
    const { order, rows } = this.#source;
    const slot = order.slotAt(epoch, position);
    const row = order.rowAt(slot);
    return { slot, row: rows === undefined ? row : rowNumberAt(rows, row) };
  }
}
