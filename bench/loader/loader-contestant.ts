/** Our side of the loader benchmark, as a process: `node loader-contestant.js KIND DATASET WORKERS`. */

import { openDataset } from "../../shards/index.ts";
import { type Contestant, measure, serveContestant } from "../harness/contender.ts";
import { batchSize } from "./loader-case.ts";

const [, , kind, directory, workers] = process.argv;
/** Batches of one round. */
const batchesPerRound = 300;

/** Room for all images, for a window of them and for none. */
const memoryBytes = { resident: 4 * 2 ** 30, blocked: 2 ** 28 }[kind!] ?? 0;
const dataset = await openDataset(directory!, { memoryBytes });
const loader = dataset.loader<"uint8" | "float32">({
  regime: "finite",
  epochs: Number.POSITIVE_INFINITY,
  batchSize,
  reuseArrays: true,
  workers: Number(workers),
  ...(kind === "blocked" ? { shuffle: "blocked" as const } : {}),
  ...(kind === "augmented"
    ? { dtype: "float32", layout: "NCHW", normalize: true, augment: { flip: true, crop: true } }
    : {}),
});
const batches = loader[Symbol.asyncIterator]();

const contestant: Contestant = {
  round: () =>
    measure(batchesPerRound * batchSize, async () => {
      for (let count = 0; count < batchesPerRound; count++) await batches.next();
    }),
  /** Sum of all bytes and of id · label over one epoch: the same for all, whatever their order. */
  check: async () => {
    let [bytes, products] = [0, 0];
    for await (const { images, ids, labels } of dataset.loader({ regime: "finite", batchSize, dropLast: false })) {
      for (let index = 0; index < images.length; index++) bytes += images[index]!;
      for (const [row, id] of ids.entries()) products += id * labels[row]!;
    }
    return Float32Array.of(bytes, products);
  },
};
await serveContestant(contestant);
process.exit();
