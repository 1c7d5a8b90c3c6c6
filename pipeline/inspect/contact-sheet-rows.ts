import { imageAt } from "../../core/image-layout.ts";
import type { ContactSheetRow } from "../../pictures/render-contact-sheet.ts";
import { readShardBatches } from "../../shards/format/read-shard.ts";
import type { Manifest } from "../../shards/index.ts";
import { joinPath } from "../../storage/join-path.ts";
import { requireShard } from "../run/require-shard.ts";

/**
 * Reads the first images of each label, by rising id: the images are not selected by their looks.
 * @param options.directory - the dataset folder
 * @param options.imagesPerClass - fewer if the split has fewer
 * @returns one row per class, in the order of the class names
 * @throws Cifar5mError `shard/missing`, `table/…`, `disk/…`
 */
export async function gatherContactSheetRows(options: {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly imagesPerClass: number;
}): Promise<ContactSheetRow[]> {
  const { directory, manifest, imagesPerClass } = options;
  const { train } = manifest.splits;
  const cells = manifest.classNames.map(() => [] as ContactSheetRow["cells"][number][]);
  const isWanted = (label: number) => cells[label]!.length < Math.min(imagesPerClass, train.classCounts[label]!);
  const isComplete = () => !cells.some((_, label) => isWanted(label));
  for (const shard of train.shards) {
    if (isComplete()) break;
    const path = joinPath(directory, shard.file);
    await requireShard(path);
    for await (const { rows, columns } of readShardBatches(path, manifest.classNames.length)) {
      for (let row = 0; row < rows; row++) {
        const label = columns.label[row]!;
        if (!isWanted(label)) continue;
        cells[label]!.push({
          image: imageAt(columns.image, row).slice(),
          confidence: columns.confidence[row]!,
          // −1: the generator was asked for no class, as in an imported set.
          isRequestedClass: columns.class[row] === label || columns.class[row] === -1,
        });
      }
      if (isComplete()) break;
    }
  }
  return manifest.classNames.map((className, label) => ({
    className,
    numImages: train.classCounts[label]! + manifest.splits.test.classCounts[label]!,
    cells: cells[label]!,
  }));
}
