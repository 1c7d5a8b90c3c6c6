import { imageSide } from "../../core/image-layout.ts";
import { encodePicture } from "../../pictures/encode-picture.ts";
import { blitScaled, faint, odd, text } from "../../pictures/primitives.ts";

/** An image of the set, alone or beside another one. */
export interface Tile {
  /** One or two images: uint8, shape [32, 32, 3] each. One alone is drawn twice as large. */
  readonly images: readonly Uint8Array[];
  /** Texts below. Ids have up to 14 digits, so one line does not hold two. */
  readonly lines: readonly string[];
  /** Index of a line in another color. */
  readonly marked?: number;
}

/** Tiles under a heading. */
export interface TileGroup {
  readonly heading: string;
  readonly tiles: readonly Tile[];
}

/** Pixels. */
const cell = imageSide * 2;
const tileWidth = 2 * cell + 28;
const lineHeight = 14;
const margin = 32;
const titleHeight = 92;
const headingHeight = 36;
const numColumns = 8;

/**
 * Renders images with texts, in groups.
 * @returns a PNG file
 */
export async function renderTiles(title: string, subtitle: string, groups: readonly TileGroup[]): Promise<Uint8Array> {
  const rowsOf = ({ tiles }: TileGroup) => Math.ceil(tiles.length / numColumns);
  const heights = groups.map((group) => headingHeight + rowsOf(group) * heightOf(group));
  const width = 2 * margin + numColumns * tileWidth;
  const height = titleHeight + heights.reduce((sum, next) => sum + next, 0) + margin;
  const canvas = Buffer.alloc(width * height * 3, 0xff);
  const parts = [
    text(margin, 46, title, { size: 26, weight: 700 }),
    text(margin, 72, subtitle, { size: 14, fill: faint }),
  ];
  let top = titleHeight;
  for (const [index, group] of groups.entries()) {
    parts.push(text(margin, top + 22, group.heading, { size: 15, weight: 600 }));
    for (const [position, { images, lines, marked }] of group.tiles.entries()) {
      const left = margin + (position % numColumns) * tileWidth;
      const y = top + headingHeight + Math.floor(position / numColumns) * heightOf(group);
      const scale = scaleOf(images);
      for (const [side, pixels] of images.entries()) {
        blitScaled(pixels, canvas, { start: (y * width + left + side * cell) * 3, stride: width * 3, scale });
      }
      for (const [line, content] of lines.entries()) {
        const fill = line === marked ? odd : faint;
        const baseline = y + imageSide * scale + lineHeight * (1 + line);
        parts.push(text(left + cell, baseline, content, { size: 11, fill, anchor: "middle" }));
      }
    }
    top += heights[index]!;
  }
  return await encodePicture(canvas, { width, height }, parts);
}

function scaleOf(images: readonly Uint8Array[]): number {
  return images.length === 1 ? 4 : 2;
}

/** Height of the tiles of a group: that of the highest one. */
function heightOf({ tiles }: TileGroup): number {
  return tiles.reduce(
    (most, { images, lines }) => Math.max(most, imageSide * scaleOf(images) + lineHeight * lines.length + 16),
    0,
  );
}
