import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { writeDataset } from "../../../shards/format/write-dataset.ts";
import type { Manifest } from "../../../shards/index.ts";

/** A row of the set of pictures; everything follows from its index. */
export function pictureRow(index: number) {
  const label = (index * 7) % 10;
  // Every fifth image was asked for another class, every eleventh for none.
  const asked = index % 11 === 0 ? -1 : index % 5 === 0 ? (label + 1) % 10 : label;
  const probabilities = new Float32Array(10).fill(0);
  const confidence = 0.5 + (index % 50) / 100;
  probabilities.fill((1 - confidence) / 9);
  probabilities[label] = confidence;
  const image = new Uint8Array(3072);
  for (let at = 0; at < 3072; at++) image[at] = (index * 31 + at * 7 + (at >> 5)) % 256;
  return { label, asked, confidence: Math.fround(confidence), probabilities, image };
}

/** Writes a set of pictures: train rows are 0 … train − 1, test rows follow. @param shift - added to the index of each row */
export async function makePictureSet(
  folder: string,
  {
    train,
    test,
    name = "pictures",
    classNames = cifar10ClassNames,
    shift = 0,
  }: { train: number; test: number; name?: string; classNames?: readonly string[]; shift?: number },
): Promise<Manifest> {
  const rowsOf = (start: number, numRows: number) => {
    const rows = Array.from({ length: numRows }, (_, at) => pictureRow(start + at + shift));
    return [
      {
        images: Buffer.concat(rows.map(({ image }) => image)),
        probabilities: Float32Array.from(rows.flatMap(({ probabilities }) => [...probabilities])),
        classes: rows.map(({ asked }) => asked),
      },
    ];
  };
  return await writeDataset(folder, {
    name,
    classNames,
    train: rowsOf(0, train),
    test: rowsOf(train, test),
    rowsPerShard: 150,
  });
}
