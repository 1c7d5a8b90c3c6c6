import type { SampleOrder } from "./sample-order.ts";
import { createShuffle, poolShuffleId, type ShuffleKind } from "./shuffle.ts";

/**
 * The order of the infinite regime, Ideal World(T) of the paper: one shuffle of the whole pool, each row once.
 * @param options.poolSize - rows of the split
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 2
 */
export function createInfiniteOrder(options: {
  readonly poolSize: number;
  readonly seed: number;
  readonly shuffle: ShuffleKind;
}): SampleOrder {
  const { poolSize, seed, shuffle } = options;
  return {
    numSamples: poolSize,
    slotAt: (_epoch, position) => position,
    rowAt: createShuffle(shuffle, { size: poolSize, seed, id: poolShuffleId }),
  };
}
