import { join } from "node:path";
import pLimit from "p-limit";
import { chwToHwc, imageBytes } from "../core/image-layout.ts";
import { checkRecords, cifar10Files, recordBytes } from "./cifar-10-files.ts";
import { readWholeFile } from "./read-file.ts";

/** Labelled images in memory. */
export interface CifarImages {
  /** uint8, shape [n, 32, 32, 3]. */
  readonly images: Uint8Array;
  /** uint8, shape [n], each in [0, 9]. */
  readonly labels: Uint8Array;
}

/**
 * Reads one split of CIFAR-10 from a folder in the official binary layout.
 * @param options.recordsPerFile - 10,000 if left out
 * @throws BuilderError `cifar10/…` for files of another size or with bad labels; `disk/…`
 */
export async function readCifar10(options: {
  readonly folder: string;
  readonly split: "train" | "test";
  readonly recordsPerFile?: number;
}): Promise<CifarImages> {
  const files = cifar10Files(options.recordsPerFile).filter((file) => file.split === options.split);
  const numRecords = files.reduce((sum, file) => sum + file.numRecords, 0);
  const images = new Uint8Array(numRecords * imageBytes);
  const labels = new Uint8Array(numRecords);
  const limit = pLimit(2);
  const reads = files.map((file) =>
    limit(async () => {
      const path = join(options.folder, file.name);
      const bytes = await readWholeFile(path);
      checkRecords(bytes, file, path);
      const planar = new Uint8Array(imageBytes);
      for (let record = 0; record < file.numRecords; record++) {
        const start = record * recordBytes;
        const target = file.recordStart + record;
        labels[target] = bytes[start]!;
        planar.set(bytes.subarray(start + 1, start + recordBytes));
        chwToHwc(planar, images.subarray(target * imageBytes, (target + 1) * imageBytes));
      }
    }),
  );
  await Promise.all(reads);
  return { images, labels };
}
