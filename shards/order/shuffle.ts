import { createPermutation, permute } from "../../core/permutation.ts";
import { createBlockedShuffle } from "./blocked-shuffle.ts";

/** An order of [0, size): maps a position to an entry. A pure function that takes O(1) time. */
export type Shuffle = (position: number) => number;

/**
 * How samples are ordered. `full`: uniformly over all of them. `blocked`: in shuffled blocks of neighboring rows, then
 * within windows of several blocks, so that consecutive positions touch few shards. `none`: in file order.
 */
export type ShuffleKind =
  | { readonly kind: "full" }
  | { readonly kind: "none" }
  | {
      readonly kind: "blocked";
      /** Number of neighboring rows that stay in one window. */
      readonly blockRows: number;
      /** Number of blocks within which rows are shuffled. */
      readonly windowBlocks: number;
    };

/** A short name, for loader states. */
export function nameShuffle(shuffle: ShuffleKind): string {
  return shuffle.kind === "blocked" ? `blocked-${shuffle.blockRows}-${shuffle.windowBlocks}` : shuffle.kind;
}

/**
 * @param options.id - selects one of the orders of this seed; orders of different ids are independent
 * @throws Cifar5mError `permutation/out-of-range`
 */
export function createShuffle(
  shuffle: ShuffleKind,
  options: { readonly size: number; readonly seed: number; readonly id: number },
): Shuffle {
  if (shuffle.kind === "none") return (position) => position;
  if (shuffle.kind === "blocked") return createBlockedShuffle({ ...shuffle, ...options });
  const permutation = createPermutation(options);
  return (position) => permute(position, permutation);
}

/**
 * Ids of the shuffles of a seed. The pool's shuffle orders the infinite regime. Its first N rows are the subset of the
 * finite regime, so subsets of growing N are nested.
 */
const poolShuffleId = 0;

/** Ids of the shuffles of what a set has grown by. Epochs do not come so far. */
const firstGrowthId = 2 ** 28;

/**
 * The order of the pool: one shuffle. Of a set that has grown, the rows of each earlier size come before those that it
 * then grew by, each in a shuffle of their own, so the order of an earlier size is where the newest order begins.
 * @param options.earlierRows - rows that the pool had before, rising; none if it has not grown
 * @throws Cifar5mError `permutation/out-of-range`
 */
export function createPoolShuffle(
  shuffle: ShuffleKind,
  options: { readonly size: number; readonly seed: number; readonly earlierRows: readonly number[] },
): Shuffle {
  const { size, seed, earlierRows } = options;
  const starts = [...new Set([0, ...earlierRows])].filter((start) => start < size);
  const shuffles = starts.map((start, index) => {
    const id = index === 0 ? poolShuffleId : firstGrowthId + index;
    return createShuffle(shuffle, { size: (starts[index + 1] ?? size) - start, seed, id });
  });
  const [first] = shuffles;
  if (starts.length === 1 && first !== undefined) return first;
  return (position) => {
    let index = starts.length - 1;
    while (starts[index]! > position) index--;
    return starts[index]! + shuffles[index]!(position - starts[index]!);
  };
}

/** Id of the shuffle that orders the subset in one epoch of the finite regime. */
export function epochShuffleId(epoch: number): number {
  return 1 + epoch;
}
