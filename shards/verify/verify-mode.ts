import { Cifar5mError } from "../../core/errors.ts";
import { createPermutation, permute } from "../../core/permutation.ts";

/**
 * How much of a dataset is read: `full`, every byte; `fast`, manifest and receipts, of the shards no more than existence
 * and size; a part, as `fast`, and a random part of the shards as `full`.
 */
export type VerifyMode = "full" | "fast" | VerifyPart;

/** A random part of the shards. */
export interface VerifyPart {
  /** In (0, 1]; at least one shard is read. */
  readonly fraction: number;
  /** Which part: equal seeds choose equal shards, and a larger fraction only adds to them. Integer in [0, 2⁵³). */
  readonly seed: number;
}

/**
 * Which shards a mode reads.
 * @returns a function of the index of a shard, counted over both splits
 * @throws Cifar5mError `verify/out-of-range` unless fraction lies in (0, 1]; `permutation/out-of-range` for a bad seed
 */
export function chooseShards(numShards: number, mode: VerifyMode): (index: number) => boolean {
  if (mode === "full" || mode === "fast") return () => mode === "full";
  const { fraction, seed } = mode;
  if (!(fraction > 0 && fraction <= 1)) {
    throw new Cifar5mError("verify/out-of-range", `fraction must lie in (0, 1], got ${fraction}. Use 0.05 for 5%.`);
  }
  const permutation = createPermutation({ size: Math.max(1, numShards), seed, id: 0 });
  const chosen = new Set<number>();
  for (let position = 0; position < numShards * fraction; position++) chosen.add(permute(position, permutation));
  return (index) => chosen.has(index);
}
