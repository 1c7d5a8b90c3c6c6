import type { SampleOrder } from "./sample-order.ts";
import { createPoolShuffle, type ShuffleKind } from "./shuffle.ts";

/**
 * The order of the infinite regime, Ideal World(T) of the paper: one shuffle of the whole pool, each row once.
 * @param options.poolSize - rows of the split
 * @param options.earlierRows - rows that it had before it grew, rising
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 2
 */
export function createInfiniteOrder(options: {
  readonly poolSize: number;
  readonly earlierRows?: readonly number[];
  readonly seed: number;
  readonly shuffle: ShuffleKind;
}): SampleOrder {
  const { poolSize, earlierRows = [], seed, shuffle } = options;
  return {
    numSamples: poolSize,
    slotAt: (_epoch, position) => position,
    rowAt: createPoolShuffle(shuffle, { size: poolSize, seed, earlierRows }),
  };
}
