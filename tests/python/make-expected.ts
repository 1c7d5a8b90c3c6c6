import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Batch, type LoaderOptions, type LoaderState, openDataset } from "../../shards/index.ts";
import { hashValues, makeDataset } from "../support/make-rows.ts";
import { writeTestFlags } from "../support/write-test-flags.ts";

type AnyOptions = LoaderOptions<"uint8" | "float32">;

const numEpochs = 3;
const finite = { regime: "finite", numSamples: 50, epochs: numEpochs, batchSize: 8, dropLast: false, seed: 4 } as const;
const infinite = { regime: "infinite", batchSize: 7, seed: 4 } as const;
const float32 = { dtype: "float32", layout: "NCHW", normalize: true } as const;
const blocked = { blockRows: 12, windowBlocks: 3 } as const;
const columns = ["class", "confidence", "probabilities"] as const;

const someOptions: readonly AnyOptions[] = [
  { ...finite, labelNoise: { rate: 0.3 } },
  { ...finite, dropLast: true, shuffle: blocked },
  { ...finite, numSamples: 100, shuffle: false, columns },
  { ...finite, ...float32, augment: { flip: true, crop: true } },
  { ...finite, ...float32, augment: { flip: true, crop: { padding: 3, mode: "reflect" }, cutout: { size: 9 } } },
  { ...finite, layout: "NCHW", augment: { flip: true, crop: true, cutout: { size: 5 } } },
  { ...infinite, labelNoise: { rate: 0.5, seed: 1 } },
  { ...infinite, ...float32, shuffle: blocked, augment: { flip: true, crop: true } },
];

/**
 * Writes a data set, and what the TypeScript loader serves from it, for the tests in python/tests/test_typescript.py.
 * @param folder - gets `dataset` and `expected.json`
 */
export async function makeExpected(folder: string): Promise<void> {
  const directory = join(folder, "dataset");
  await makeDataset(directory, { train: 100, test: 20, rowsPerShard: 30 });
  const dataset = await openDataset(directory);
  const jobs = someOptions.flatMap((options) =>
    [1, 2, 3, 4].flatMap((worldSize) =>
      Array.from({ length: worldSize }, (_, rank): AnyOptions => ({ ...options, rank, worldSize })),
    ),
  );
  const served = [];
  for (const options of jobs) served.push({ options, batches: await serve(dataset.loader(options)) });
  await writeTestFlags(directory);
  const filters = [
    ...[{ classes: ["cat", 5] }, { minConfidence: 0.2 }, { classes: [1, 0, 1], minConfidence: 0.15 }],
    ...[{ flags: { leak: false } }, { minConfidence: 0.15, flags: { nearDuplicate: false, mislabeled: true } }],
  ];
  const filtered = [];
  for (const filter of filters) {
    const part = await dataset.filter(filter);
    const { ids } = await part.readImages(Array.from({ length: part.numSamples }, (_, index) => index));
    filtered.push({ filter, fingerprint: part.fingerprint, ids: [...ids] });
  }
  await writeFile(join(folder, "expected.json"), JSON.stringify({ served, filtered }));
}

/** Batches to the end, and the state after each. */
async function serve(loader: AsyncIterable<Batch<Uint8Array | Float32Array>> & ServedLoader) {
  const batches = [];
  for await (const batch of loader) {
    const { epoch, step, ids, labels, images, classes, confidences, probabilities } = batch;
    const extras = [classes, confidences, probabilities].filter((values) => values !== undefined);
    batches.push({
      ...{ epoch, step, ids: [...ids], labels: [...labels], images: hashValues(images), state: loader.state() },
      extras: extras.map((values) => [...values]),
    });
    if (batches.length === loader.numBatches) break;
  }
  return batches;
}

interface ServedLoader {
  readonly numBatches: number;
  state(): LoaderState;
}
