import { formatCount, hashPrefix } from "../../core/format.ts";
import type { Theme } from "../../pictures/primitives.ts";
import { contactSheetSize, renderContactSheet } from "../../pictures/render-contact-sheet.ts";
import type { Manifest } from "../../shards/index.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { gatherContactSheetRows } from "./contact-sheet-rows.ts";

/** Number of images of each class on the sheet. */
const imagesPerClass = 12;

/**
 * Renders a picture of a published data set: its first images by label, and the number of images of each label.
 * @param options.directory - the dataset folder
 * @returns a PNG file, of `datasetSheetSize`
 * @throws Cifar5mError `table/…`, `disk/…`
 */
export async function renderDatasetSheet(options: {
  readonly directory: string;
  readonly manifest: Manifest;
  /** `light` by default. */
  readonly theme?: Theme;
}): Promise<Uint8Array> {
  const { directory, manifest, theme = "light" } = options;
  const { train, test } = manifest.splits;
  const removed = Object.values(manifest.removals).reduce((sum, count) => sum + count, 0);
  const rows = await gatherContactSheetRows({ directory, manifest, imagesPerClass });
  const numbers = [train.rows, test.rows, removed].map(formatCount);
  return await renderContactSheet({
    title: manifest.name,
    subtitle:
      `${numbers[0]} train and ${numbers[1]} test images, ${numbers[2]} left out · ` +
      `the first ${imagesPerClass} train images of each label, none selected · set ${hashPrefix(manifest.sha256)}`,
    rows,
    numColumns: imagesPerClass,
    theme,
  });
}

/** Width and height of the picture in pixels. */
export function datasetSheetSize(manifest: Manifest): { readonly width: number; readonly height: number } {
  return contactSheetSize({ numRows: manifest.classNames.length, numColumns: imagesPerClass });
}

/**
 * Writes the picture of a published data set.
 * @param options.path - the PNG file
 * @throws as `renderDatasetSheet`; Cifar5mError `disk/…`
 */
export async function writeContactSheet(options: {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly path: string;
}): Promise<void> {
  await replaceBytes(options.path, await renderDatasetSheet(options));
}
