import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { commitFile, hashConfig, writeManifest, writeShard } from "cifar5m";

/** Writes a data set of `numImages` train images of noise, in one shard. Returns its folder. */
export async function makeNoiseDataset(directory, numImages = 1000) {
  const file = "train/part-00000.arrow";
  await mkdir(join(directory, "train"), { recursive: true });
  const rows = {
    id: Float64Array.from({ length: numImages }, (_, index) => index),
    image: crypto.getRandomValues(new Uint8Array(3072 * 21)),
    label: Uint8Array.from({ length: numImages }, (_, index) => index % 10),
    class: Uint8Array.from({ length: numImages }, (_, index) => index % 10),
    confidence: new Float32Array(numImages).fill(0.91),
    probabilities: Float32Array.from({ length: numImages * 10 }, (_, place) =>
      place % 10 === Math.floor(place / 10) % 10 ? 0.91 : 0.01,
    ),
  };
  const image = new Uint8Array(numImages * 3072);
  for (let start = 0; start < image.length; start += rows.image.length) {
    image.set(rows.image.subarray(0, image.length - start), start);
  }
  const { bytes, sha256 } = await commitFile(join(directory, file), async (sink) => {
    await writeShard(sink, [{ ...rows, image }]);
  });
  const classNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
  await writeManifest(directory, {
    name: "noise",
    classNames,
    imageShape: [32, 32, 3],
    splits: {
      train: {
        rows: numImages,
        shards: [{ file, rows: numImages, bytes, sha256, idStart: 0, idEnd: numImages }],
        classCounts: classNames.map((_, label) => Math.ceil((numImages - label) / 10)),
      },
      test: { rows: 0, shards: [], classCounts: classNames.map(() => 0) },
    },
    configHash: hashConfig({}),
    config: {},
    models: {},
    removals: {},
    createdBy: "an example",
  });
  return directory;
}
