import { loadSharp } from "./load-sharp.ts";

/**
 * Encodes a canvas with a drawing over it.
 * @param canvas - uint8, shape [height, width, 3]
 * @param parts - SVG elements
 * @returns a PNG file
 */
export async function encodePicture(
  canvas: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
  parts: readonly string[],
): Promise<Uint8Array> {
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' width='${width}' height='${height}'>${parts.join("")}</svg>`;
  const sharp = await loadSharp();
  return await sharp(canvas, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(svg) }])
    .png({ compressionLevel: 9 })
    .toBuffer();
}
