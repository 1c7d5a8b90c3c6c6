/** The data set that `loader.ts` measures readers on, and what each is asked to do with it. */

import { cifar10ClassNames, imageBytes } from "../../core/image-layout.ts";
import { fillBits, randomStreams } from "../../core/random.ts";
import { writeDataset } from "../../shards/index.ts";

export const batchSize = 256;
const rowsPerChunk = 10_000;

/** Writes a data set of random images, label = id mod 10. */
export async function writeBenchmarkSet(folder: string, numImages: number): Promise<void> {
  function* rows() {
    for (let start = 0; start < numImages; start += rowsPerChunk) {
      const count = Math.min(rowsPerChunk, numImages - start);
      const bits = new Uint32Array((count * imageBytes) / 4);
      fillBits({ seed: 1, stream: randomStreams.sampleNoise, id: start }, bits);
      const labels = Uint8Array.from({ length: count }, (_, row) => (start + row) % 10);
      yield { images: new Uint8Array(bits.buffer), labels };
    }
  }
  await writeDataset(folder, { name: "benchmark", classNames: cifar10ClassNames, train: rows() });
}
