import { createSampleOrder } from "../../shards/order/create-sample-order.ts";
import type { ShuffleKind } from "../../shards/order/shuffle.ts";
import { blocked, poolSize } from "./vectors.ts";

const shuffles: readonly ShuffleKind[] = [{ kind: "full" }, { kind: "none" }, blocked(4, 2), blocked(30, 2)];
/** Sizes that a pool of 23 rows had before. The last has one of the same rows twice, as where the other split grew. */
const histories = [[9], [9, 17], [9, 9, 17]];
const seed = 5;

/** Which rows come when in a set that has grown: docs/growth-vectors.json holds it. */
export function makeGrowthVectors() {
  return histories.flatMap((earlierRows) =>
    shuffles.flatMap((shuffle) =>
      [
        ...(shuffle.kind === "none" ? [] : [{ regime: "infinite" as const, numSamples: poolSize, epochs: [0] }]),
        ...[5, 9, 12, 17, poolSize].map((numSamples) => ({ regime: "finite" as const, numSamples, epochs: [0, 1] })),
      ].map(({ regime, numSamples, epochs }) => {
        const order = createSampleOrder({ regime, numSamples, seed, shuffle }, poolSize, earlierRows);
        const rows = epochs.map((epoch) =>
          Array.from({ length: numSamples }, (_, position) => order.rowAt(order.slotAt(epoch, position))),
        );
        return { poolSize, earlierRows, regime, numSamples, seed, shuffle, rows };
      }),
    ),
  );
}
