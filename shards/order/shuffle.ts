import { createPermutation, permute } from "../../core/permutation.ts";
import { createBlockedShuffle } from "./blocked-shuffle.ts";

/** An order of [0, size): which entry comes at a position. A pure function, found in O(1). */
export type Shuffle = (position: number) => number;

/**
 * How samples are put in order: `full`, uniformly over all of them; `blocked`, in blocks of neighboring rows that are
 * shuffled, then within windows of some blocks, so that a stretch of the order touches few shards; `none`.
 */
export type ShuffleKind =
  | { readonly kind: "full" }
  | { readonly kind: "none" }
  | {
      readonly kind: "blocked";
      /** Neighbouring rows that stay in one window. */
      readonly blockRows: number;
      /** Blocks within which rows are shuffled. */
      readonly windowBlocks: number;
    };

/** A short name, as loader states hold it. */
export function nameShuffle(shuffle: ShuffleKind): string {
  return shuffle.kind === "blocked" ? `blocked-${shuffle.blockRows}-${shuffle.windowBlocks}` : shuffle.kind;
}

/**
 * @param options.id - which of the orders of this seed; orders of other ids are independent
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
 * Ids of the shuffles of a seed. The pool's shuffle orders the infinite regime; its first N rows are the subset of the
 * finite regime, so subsets of growing N are nested.
 */
export const poolShuffleId = 0;

/** Id of the shuffle of the subset in one epoch of the finite regime. */
export function epochShuffleId(epoch: number): number {
  return 1 + epoch;
}
