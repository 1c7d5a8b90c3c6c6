import { loadSharp } from "./load-sharp.ts";

/**
 * Draws an SVG on white.
 * @param density - pixels per inch; at 72 a unit of the SVG is a pixel
 * @returns a PNG file
 * @throws Cifar5mError `picture/no-sharp`
 */
export async function rasterizeSvg(svg: string, density = 72): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return await sharp(Buffer.from(svg), { density }).flatten({ background: "white" }).png().toBuffer();
}
