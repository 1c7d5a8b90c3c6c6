import sharp from "sharp";
import { imageSide } from "../../core/image-layout.ts";
import { blitScaled, faint, odd, text } from "../../pictures/primitives.ts";

/** An image of the set beside another one. */
export interface PairPicture {
  /** uint8, shape [32, 32, 3]. */
  readonly image: Uint8Array;
  /** uint8, shape [32, 32, 3], already mirrored if necessary. */
  readonly other: Uint8Array;
  /** A line each: what the two images are. Ids have up to 14 digits, so one line does not hold both. */
  readonly names: readonly [image: string, other: string];
  readonly details: string;
  /** Whether the pair is flagged: its details have another color. */
  readonly isFlagged: boolean;
}

/** Pairs under a heading. */
export interface PairGroup {
  readonly heading: string;
  readonly pairs: readonly PairPicture[];
}

/** Pixels. */
const scale = 2;
const cell = imageSide * scale;
const pairWidth = 2 * cell + 28;
const pairHeight = cell + 58;
const margin = 32;
const titleHeight = 92;
const headingHeight = 36;
const numColumns = 8;

/**
 * Renders pairs of images, side by side.
 * @returns a PNG file
 */
export async function renderPairs(title: string, subtitle: string, groups: readonly PairGroup[]): Promise<Uint8Array> {
  const heights = groups.map(({ pairs }) => headingHeight + Math.ceil(pairs.length / numColumns) * pairHeight);
  const width = 2 * margin + numColumns * pairWidth;
  const height = titleHeight + heights.reduce((sum, next) => sum + next, 0) + margin;
  const canvas = Buffer.alloc(width * height * 3, 0xff);
  const parts = [
    text(margin, 46, title, { size: 26, weight: 700 }),
    text(margin, 72, subtitle, { size: 14, fill: faint }),
  ];
  let top = titleHeight;
  for (const [index, { heading, pairs }] of groups.entries()) {
    parts.push(text(margin, top + 22, heading, { size: 15, weight: 600 }));
    for (const [position, { image, other, names, details, isFlagged }] of pairs.entries()) {
      const left = margin + (position % numColumns) * pairWidth;
      const y = top + headingHeight + Math.floor(position / numColumns) * pairHeight;
      for (const [side, pixels] of [image, other].entries()) {
        blitScaled(pixels, canvas, { start: (y * width + left + side * cell) * 3, stride: width * 3, scale });
      }
      const middle = left + cell;
      for (const [line, content] of [...names, details].entries()) {
        const fill = isFlagged && content === details ? odd : faint;
        parts.push(text(middle, y + cell + 14 * (1 + line), content, { size: 11, fill, anchor: "middle" }));
      }
    }
    top += heights[index]!;
  }
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' width='${width}' height='${height}'>${parts.join("")}</svg>`;
  return await sharp(canvas, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .png({ compressionLevel: 9 })
    .toBuffer();
}
