import { createPermutation, type Permutation, permute } from "../core/permutation.ts";

/**
 * The sample indices of a training batch. Each epoch visits all samples once, in a different order. A batch may contain
 * the end of an epoch and the start of the next one. The indices are a pure function of the seed and the step.
 */
export function batchIndices(seed: number, numSamples: number, batchSize: number, step: number): BigInt64Array {
  const indices = new BigInt64Array(batchSize);
  let permutation: Permutation | undefined;
  let permutationEpoch = -1;
  for (let index = 0; index < batchSize; index++) {
    const position = step * batchSize + index;
    const epoch = Math.floor(position / numSamples);
    if (permutation === undefined || epoch !== permutationEpoch) {
      permutation = createPermutation({ size: numSamples, seed, id: epoch });
      permutationEpoch = epoch;
    }
    indices[index] = BigInt(permute(position - epoch * numSamples, permutation));
  }
  return indices;
}
