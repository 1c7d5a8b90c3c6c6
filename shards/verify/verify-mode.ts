import { Cifar5mError } from "../../core/errors.ts";
import { createPermutation, permute } from "../../core/permutation.ts";

/**
 * How much of a data set is read. `full`: every byte. `fast`: manifest and receipts, and the existence and size of the
 * shards. A part: a random part of the shards as in `full`, all others as in `fast`.
 */
export type VerifyMode = "full" | "fast" | VerifyPart;

/** A random part of the shards. */
export interface VerifyPart {
  /** In (0, 1]; at least one shard is read. */
  readonly fraction: number;
  /** Selects the part: equal seeds choose equal shards, and a larger fraction only adds shards. Integer in [0, 2⁵³). */
  readonly seed: number;
}

/**
 * Chooses the shards that a mode reads.
 * @returns a function of the index of a shard, counted over both splits
 * @throws Cifar5mError `verify/out-of-range` unless fraction is in (0, 1]; `permutation/out-of-range` for a bad seed
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
