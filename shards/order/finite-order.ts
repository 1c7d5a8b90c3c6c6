import type { SampleOrder } from "./sample-order.ts";
import { createPoolShuffle, createShuffle, epochShuffleId, type Shuffle, type ShuffleKind } from "./shuffle.ts";

/**
 * The order of the finite regime, Real World(N, T) of the paper: a subset of N rows, shuffled anew every epoch.
 * @param options.poolSize - rows of the split
 * @param options.earlierRows - rows that the split had before it grew, rising
 * @param options.numSamples - N, at most poolSize; subsets of equal seed and shuffle are nested
 * @param options.shuffle - `none`: file order if the subset is the whole split, else the order of the infinite regime
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 2
 */
export function createFiniteOrder(options: {
  readonly poolSize: number;
  readonly earlierRows?: readonly number[];
  readonly numSamples: number;
  readonly seed: number;
  readonly shuffle: ShuffleKind;
}): SampleOrder {
  const { poolSize, earlierRows = [], numSamples, seed, shuffle } = options;
  // Without shuffling, the subset is still random.
  const poolShuffle = shuffle.kind === "none" ? ({ kind: "full" } as const) : shuffle;
  const pool = createPoolShuffle(poolShuffle, { size: poolSize, seed, earlierRows });
  // If the subset is the whole pool, now or before it grew, nothing has to be chosen: a slot is a row.
  const isWhole = numSamples === poolSize || earlierRows.includes(numSamples);
  let current: { readonly epoch: number; readonly order: Shuffle } | undefined;
  return {
    numSamples,
    slotAt(epoch, position) {
      if (current?.epoch !== epoch) {
        current = { epoch, order: createShuffle(shuffle, { size: numSamples, seed, id: epochShuffleId(epoch) }) };
      }
      return current.order(position);
    },
    rowAt: (slot) => (isWhole ? slot : pool(slot)),
  };
}
