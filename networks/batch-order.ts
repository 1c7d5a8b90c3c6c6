import { createPermutation, type Permutation, permute } from "../core/permutation.ts";
import { fillBits, randomStreams } from "../core/random.ts";

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

/**
 * Which images of a batch are mirrored, if flips alternate: at random in the first epoch, and from then on in each epoch
 * the other way round than in the one before.
 * @param indices - what `batchIndices` returns for the same batch
 * @returns 1 for an image that is mirrored, 0 for others
 * @see Keller Jordan 2024, arXiv:2404.00498, section 3.6
 */
export function alternatingFlips(seed: number, numSamples: number, indices: BigInt64Array, step: number): Float32Array {
  const bits = new Uint32Array(1);
  return Float32Array.from(indices, (sample, index) => {
    const epoch = Math.floor((step * indices.length + index) / numSamples);
    fillBits({ seed, stream: randomStreams.trainFlip, id: Number(sample) }, bits);
    return ((bits[0]! >>> 31) + epoch) % 2;
  });
}
