import { createPermutation, type Permutation, permute } from "../core/permutation.ts";
import { epochPermutationId, poolPermutationId, type SampleOrder } from "./sample-order.ts";

/**
 * The order of the finite regime, Real World(N, T) of the paper: a subset of N rows, shuffled anew every epoch.
 * @param options.poolSize - rows of the split
 * @param options.numSamples - N, at most poolSize; subsets of equal seed are nested
 * @param options.shuffle - false: file order if the subset is the whole split, else the order of the infinite regime
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 2
 */
export function createFiniteOrder(options: {
  readonly poolSize: number;
  readonly numSamples: number;
  readonly seed: number;
  readonly shuffle: boolean;
}): SampleOrder {
  const { poolSize, numSamples, seed, shuffle } = options;
  const pool = createPermutation({ size: poolSize, seed, id: poolPermutationId });
  // Of the whole pool no subset has to be chosen: a slot is a row.
  const isWhole = numSamples === poolSize;
  let current: { readonly epoch: number; readonly permutation: Permutation } | undefined;
  return {
    numSamples,
    slotAt(epoch, position) {
      if (!shuffle) return position;
      if (current?.epoch !== epoch) {
        current = { epoch, permutation: createPermutation({ size: numSamples, seed, id: epochPermutationId(epoch) }) };
      }
      return permute(position, current.permutation);
    },
    rowAt: (slot) => (isWhole ? slot : permute(slot, pool)),
  };
}
