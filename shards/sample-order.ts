import { createFiniteOrder } from "./finite-order.ts";
import { createInfiniteOrder } from "./infinite-order.ts";
import type { ShuffleKind } from "./shuffle.ts";

/** In which order samples are served. Pure: which row is served is a function of (seed, epoch, position). */
export interface SampleOrder {
  /** Samples of an epoch. */
  readonly numSamples: number;
  /**
   * Which sample of the subset is served, in [0, numSamples): finite epochs serve each once.
   * @param position - in [0, numSamples) of that epoch; not checked
   */
  slotAt(epoch: number, position: number): number;
  /** The row of the split that a slot stands for. */
  rowAt(slot: number): number;
}

/** The order of a regime. */
export function createSampleOrder(
  options: {
    readonly regime: "finite" | "infinite";
    readonly numSamples: number;
    readonly seed: number;
    readonly shuffle: ShuffleKind;
  },
  poolSize: number,
): SampleOrder {
  const { regime, numSamples, seed, shuffle } = options;
  return regime === "finite"
    ? createFiniteOrder({ poolSize, numSamples, seed, shuffle })
    : createInfiniteOrder({ poolSize, seed, shuffle });
}
