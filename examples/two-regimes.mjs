/**
 * Reads a data set in both regimes of the Deep Bootstrap framework, stops in the middle and goes on.
 *
 *   npm start && node examples/two-regimes.mjs runs/quickstart/dataset
 *
 * Without an argument it makes a small set of noise first.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataset } from "cifar5m";
import { makeNoiseDataset } from "./make-noise-dataset.mjs";

const [, , given] = process.argv;
const scratch = await mkdtemp(join(tmpdir(), "cifar5m-example-"));
const directory = given ?? (await makeNoiseDataset(join(scratch, "dataset")));
const dataset = await openDataset(directory);
console.log(`${dataset.numSamples} train images of ${dataset.classNames.length} classes`);

// Real World(N = 256, T): 256 images, reshuffled every epoch. `images` is uint8, shape [64, 32, 32, 3].
let numBatches = 0;
for await (const { images, labels, ids } of dataset.loader({
  regime: "finite",
  numSamples: 256,
  epochs: 3,
  batchSize: 64,
  seed: 7,
})) {
  if (numBatches === 0)
    console.log(`first batch: ${images.length} bytes, labels ${labels.slice(0, 8)}, ids ${ids.slice(0, 4)}`);
  numBatches++;
}
console.log(`finite: ${numBatches} batches`);

// Ideal World(T): no image twice. The state is a few numbers; a loader made from it goes on with the very next batch.
const stream = dataset.loader({ regime: "infinite", batchSize: 64, seed: 7 });
let state;
for await (const _ of stream) {
  state = stream.state();
  break;
}
let numRest = 0;
try {
  for await (const _ of dataset.loader({ regime: "infinite", batchSize: 64, seed: 7, state })) numRest++;
} catch (error) {
  // The pool is spent: an image is never served twice without your asking.
  console.log(`infinite: 1 batch, then ${numRest} more after resuming, then ${error.code}`);
}
await rm(scratch, { recursive: true });
