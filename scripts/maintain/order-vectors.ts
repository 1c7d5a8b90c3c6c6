import { imageBytes } from "../../core/image-layout.ts";
import { createPermutation, maxPermutationSize, permute } from "../../core/permutation.ts";
import { fillBits, philox4x32, type RandomStream, randomStreams } from "../../core/random.ts";
import type { LoaderOptions } from "../../shards/index.ts";
import { createLabelNoise } from "../../shards/loader/label-noise.ts";
import { createShuffle, type ShuffleKind } from "../../shards/order/shuffle.ts";
import { blocked, poolSize, serveBatches } from "./vectors.ts";

type Words4 = [number, number, number, number];

const firstPositions = Array.from({ length: 8 }, (_, position) => position);

/** Inputs and results of every step of docs/order.md, as docs/order-vectors.json holds them. */
export async function makeOrderVectors() {
  return {
    philox: philoxInputs.map(({ counter, key }) => {
      const words = new Uint32Array(4);
      philox4x32(counter, key, words);
      return { counter, key, words: [...words] };
    }),
    words: sources.map((source) => ({ ...source, words: drawWords(source, 6) })),
    permutations: permutations.map(({ positions, ...options }) => {
      const permutation = createPermutation(options);
      const { numLeft, numRight } = permutation;
      const keys = drawWords(options, 16);
      return {
        ...options,
        numLeft,
        numRight,
        keys,
        positions,
        entries: positions.map((at) => permute(at, permutation)),
      };
    }),
    shuffles: shuffles.map(({ shuffle, positions, ...options }) => {
      return { shuffle, ...options, positions, rows: positions.map(createShuffle(shuffle, options)) };
    }),
    labelNoise: labelNoises.map(({ ids, numClasses, ...noise }) => {
      const noisyLabel = createLabelNoise(noise, numClasses);
      const labels = ids.map((_, index) => index % numClasses);
      return { ...noise, numClasses, ids, labels, noisyLabels: ids.map((id, index) => noisyLabel(id, labels[index]!)) };
    }),
    loaders: await serveCountingRows(loaders),
  };
}

const philoxInputs: readonly { readonly counter: Words4; readonly key: [number, number] }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0] },
  { counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], key: [0xffffffff, 0xffffffff] },
  { counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], key: [0xa4093822, 0x299f31d0] },
];

const { permutation, blockPermutation, windowPermutation, labelNoise } = randomStreams;

const sources = [
  { seed: 0, stream: permutation, id: 0 },
  { seed: 42, stream: labelNoise, id: 7 },
  { seed: 2 ** 32 + 5, stream: blockPermutation, id: 2 ** 33 + 9 },
  { seed: Number.MAX_SAFE_INTEGER, stream: windowPermutation, id: Number.MAX_SAFE_INTEGER },
];

const permutations = [
  { size: 1, seed: 0, stream: permutation, id: 0, positions: [0] },
  { size: 2, seed: 0, stream: permutation, id: 0, positions: [0, 1] },
  { size: 8, seed: 1, stream: permutation, id: 2, positions: firstPositions },
  { size: 1000, seed: 42, stream: permutation, id: 7, positions: [...firstPositions, 999] },
  { size: 6_002_688, seed: 3, stream: blockPermutation, id: 1, positions: [...firstPositions, 3_000_000, 6_002_687] },
  {
    size: maxPermutationSize - 1,
    seed: 2 ** 40 + 1,
    stream: windowPermutation,
    id: 2 ** 35,
    positions: [...firstPositions, maxPermutationSize - 2],
  },
];

const everyPosition = Array.from({ length: poolSize }, (_, position) => position);

const shuffles: readonly {
  readonly shuffle: ShuffleKind;
  readonly size: number;
  readonly seed: number;
  readonly id: number;
  readonly positions: readonly number[];
}[] = [
  { shuffle: { kind: "full" }, size: poolSize, seed: 5, id: 0, positions: everyPosition },
  { shuffle: { kind: "none" }, size: poolSize, seed: 5, id: 0, positions: everyPosition },
  // The last block has 3 rows, the last window 2 blocks.
  { shuffle: blocked(4, 2), size: poolSize, seed: 5, id: 0, positions: everyPosition },
  { shuffle: blocked(4, 2), size: poolSize, seed: 5, id: 1, positions: everyPosition },
  { shuffle: blocked(30, 2), size: poolSize, seed: 5, id: 0, positions: everyPosition },
  { shuffle: blocked(1, 1), size: poolSize, seed: 5, id: 0, positions: everyPosition },
  {
    shuffle: blocked(8192, 8),
    size: 6_002_688,
    seed: 11,
    id: 3,
    positions: [...firstPositions, 65_535, 65_536, 3_000_000, 6_002_687],
  },
];

const ids = [...firstPositions, 1000, 5_000_000, 2 ** 32, 2 ** 40 + 3];
const labelNoises = [
  { rate: 0.5, seed: 9, numClasses: 10, ids },
  { rate: 1, seed: 2 ** 45, numClasses: 10, ids },
  { rate: 0.3, seed: 9, numClasses: 2, ids },
];

const finite = { regime: "finite", numSamples: 10, epochs: 2, batchSize: 4, seed: 3 } as const;
const loaders: readonly LoaderOptions[] = [
  finite,
  { ...finite, dropLast: false },
  { ...finite, dropLast: false, rank: 0, worldSize: 3 },
  { ...finite, dropLast: false, rank: 2, worldSize: 3 },
  { ...finite, numSamples: poolSize, epochs: 1, batchSize: 8 },
  { ...finite, shuffle: false, dropLast: true },
  { ...finite, numSamples: poolSize, epochs: 1, batchSize: 8, shuffle: false, dropLast: true },
  { ...finite, shuffle: { blockRows: 3, windowBlocks: 2 } },
  { regime: "infinite", batchSize: 6, seed: 3 },
  { regime: "infinite", batchSize: 6, seed: 3, rank: 1, worldSize: 2 },
  { regime: "infinite", batchSize: 6, seed: 3, shuffle: { blockRows: 4, windowBlocks: 2 } },
];

function drawWords(
  source: { readonly seed: number; readonly stream: RandomStream; readonly id: number },
  count: number,
) {
  const words = new Uint32Array(count);
  fillBits(source, words);
  return [...words];
}

/** What real loaders serve from a data set in which every id is its row. */
async function serveCountingRows(allOptions: readonly LoaderOptions[]) {
  const rows = { images: new Uint8Array(poolSize * imageBytes), labels: new Uint8Array(poolSize) };
  return await serveBatches(rows, allOptions, ({ epoch, ids }, after) => ({
    epoch,
    rows: [...ids],
    after: { epoch: after.epoch, position: after.position },
  }));
}
