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
export const poolShuffleId = 0;

/** Id of the shuffle that orders the subset in one epoch of the finite regime. */
export function epochShuffleId(epoch: number): number {
  return 1 + epoch;
}
