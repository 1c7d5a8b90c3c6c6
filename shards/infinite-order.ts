import { createPermutation, permute } from "../core/permutation.ts";
import { poolPermutationId, type SampleOrder } from "./sample-order.ts";

/**
 * The order of the infinite regime, Ideal World(T) of the paper: one permutation of the whole pool, each row once.
 * @param options.poolSize - rows of the split
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 2
 */
export function createInfiniteOrder(options: { readonly poolSize: number; readonly seed: number }): SampleOrder {
  const { poolSize, seed } = options;
  const pool = createPermutation({ size: poolSize, seed, id: poolPermutationId });
  return {
    numSamples: poolSize,
    slotAt: (_epoch, position) => position,
    rowAt: (slot) => permute(slot, pool),
  };
}
