import { createFiniteOrder } from "./finite-order.ts";
import { createInfiniteOrder } from "./infinite-order.ts";
import type { SampleOrder } from "./sample-order.ts";
import type { ShuffleKind } from "./shuffle.ts";

/**
 * The order of a regime.
 * @param poolSize - rows to serve
 * @param earlierRows - how many there were before the set grew, rising
 */
export function createSampleOrder(
  options: {
    readonly regime: "finite" | "infinite";
    readonly numSamples: number;
    readonly seed: number;
    readonly shuffle: ShuffleKind;
  },
  poolSize: number,
  earlierRows: readonly number[] = [],
): SampleOrder {
  const { regime, numSamples, seed, shuffle } = options;
  return regime === "finite"
    ? createFiniteOrder({ poolSize, earlierRows, numSamples, seed, shuffle })
    : createInfiniteOrder({ poolSize, earlierRows, seed, shuffle });
}
