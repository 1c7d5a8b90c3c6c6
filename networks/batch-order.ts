import { createPermutation, type Permutation, permute } from "../core/permutation.ts";

/**
 * Indices of a training batch: each epoch visits all samples once, in an order of its own, and batches run on over the
 * end of an epoch. A pure function of the seed and the step.
 */
export function batchIndices(seed: number, numSamples: number, batchSize: number, step: number): BigInt64Array {
  const indices = new BigInt64Array(batchSize);
  let permutation: Permutation | undefined;
  let permutationEpoch = -1;
  for (let place = 0; place < batchSize; place++) {
    const position = step * batchSize + place;
    const epoch = Math.floor(position / numSamples);
    if (permutation === undefined || epoch !== permutationEpoch) {
      permutation = createPermutation({ size: numSamples, seed, id: epoch });
      permutationEpoch = epoch;
    }
    indices[place] = BigInt(permute(position - epoch * numSamples, permutation));
  }
  return indices;
}
