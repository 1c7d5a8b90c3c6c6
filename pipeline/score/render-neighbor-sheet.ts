import { cifar10ClassNames, imageAt, imageSide, type LabeledImages, mirrorHwc } from "../../core/image-layout.ts";
import { encodePicture } from "../../pictures/encode-picture.ts";
import { blitScaled, faint, line, odd, text } from "../../pictures/primitives.ts";
import type { Neighbor } from "../audit/nearest-references.ts";
import { memorizedBelow } from "../audit/thresholds.ts";

/** A synthetic image and the train images near it. */
export interface NeighborRow {
  readonly id: number;
  /** uint8, shape [32, 32, 3]. */
  readonly image: Uint8Array;
  /** The name of its label. */
  readonly label: string;
  /** d₁/d₂. */
  readonly ratio: number;
  readonly neighbors: readonly Neighbor[];
}

/** Pixels. */
const scale = 3;
const cell = imageSide * scale;
const gap = 8;
const rowHeight = cell + 40;
const margin = 40;
const headerHeight = 138;
/** Distance from the synthetic image to the first neighbor. */
const aside = 48;
/** Number of columns of rows. */
const numSheetColumns = 2;
const columnGap = 64;

/**
 * Renders synthetic images, each beside the train images nearest to it. The ratio of a memorized image has another color.
 * @param options.numNeighbors - number of neighbors shown for each image
 * @returns a PNG file
 */
export async function renderNeighborSheet(options: {
  readonly rows: readonly NeighborRow[];
  readonly train: LabeledImages;
  readonly numNeighbors: number;
  readonly subtitle: string;
}): Promise<Uint8Array> {
  const { rows, train, numNeighbors, subtitle } = options;
  const columnWidth = cell + aside + numNeighbors * (cell + gap) - gap;
  const rowsPerColumn = Math.ceil(rows.length / numSheetColumns);
  const width = 2 * margin + numSheetColumns * columnWidth + (numSheetColumns - 1) * columnGap;
  const height = headerHeight + rowsPerColumn * rowHeight + margin / 2;
  const canvas = Buffer.alloc(width * height * 3, 0xff);
  const parts = [
    text(margin, 58, "Nearest train images", { size: 30, weight: 700 }),
    text(margin, 88, subtitle, { size: 15, fill: faint }),
  ];
  const put = (image: Uint8Array, x: number, y: number) =>
    blitScaled(image, canvas, { start: (y * width + x) * 3, stride: width * 3, scale });
  for (const [index, { id, image, label, ratio, neighbors }] of rows.entries()) {
    const left = margin + Math.floor(index / rowsPerColumn) * (columnWidth + columnGap);
    const top = headerHeight + (index % rowsPerColumn) * rowHeight;
    if (index % rowsPerColumn === 0) {
      parts.push(text(left + cell / 2, headerHeight - 14, "synthetic", { size: 13, fill: faint, anchor: "middle" }));
      parts.push(
        text(left + cell + aside, headerHeight - 14, "CIFAR-10 train, nearest first", { size: 13, fill: faint }),
      );
    }
    const captions = (x: number, first: string, second: string, fill = faint) => {
      parts.push(text(x + cell / 2, top + cell + 14, first, { size: 12, fill, anchor: "middle" }));
      parts.push(text(x + cell / 2, top + cell + 28, second, { size: 11, fill, anchor: "middle" }));
    };
    put(image, left, top);
    captions(left, `${label} ${id}`, `d₁/d₂ ${ratio.toFixed(2)}`, ratio < memorizedBelow ? odd : faint);
    const middle = left + cell + aside / 2;
    parts.push(`<line x1='${middle}' y1='${top}' x2='${middle}' y2='${top + cell}' stroke='${line}'/>`);
    for (const [column, { index: trainIndex, isMirrored, squared }] of neighbors.slice(0, numNeighbors).entries()) {
      const x = left + cell + aside + column * (cell + gap);
      const pixels = imageAt(train.images, trainIndex);
      put(isMirrored ? mirrorHwc(pixels) : pixels, x, top);
      const className = cifar10ClassNames[train.labels[trainIndex]!]!;
      captions(x, className, `${Math.sqrt(squared).toFixed(0)}${isMirrored ? " mirrored" : ""}`);
    }
  }
  return await encodePicture(canvas, { width, height }, parts);
}
