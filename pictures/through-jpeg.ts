import { imageChannels, imageSide } from "../core/image-layout.ts";
import { loadSharp } from "./load-sharp.ts";

/**
 * What is left of an image after it was a JPEG file.
 * @param image - uint8, shape [32, 32, 3] flattened
 * @param quality - of the file, 1 to 100
 * @returns the same shape
 * @throws Cifar5mError `picture/no-sharp`
 */
export async function throughJpeg(image: Uint8Array, quality: number): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const raw = { width: imageSide, height: imageSide, channels: imageChannels } as const;
  const file = await sharp(image, { raw }).jpeg({ quality }).toBuffer();
  return await sharp(file).raw().toBuffer();
}
