import { imageBytes, imageChannels, imageSide, mirrorHwc } from "../../core/image-layout.ts";
import { throughJpeg } from "../../pictures/through-jpeg.ts";

/** Kinds of copies that an audit must find. */
export const plantedKinds = ["shifted", "jpeg-90", "brighter", "darker", "mirrored"] as const;
export type PlantedKind = (typeof plantedKinds)[number];

/** Relative change of brightness. */
const change = 0.05;
const shifts = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dx, dy] as const)).filter(([dx, dy]) => dx || dy);

/**
 * Copies of images as a generator or a web site might make them: shifted by one pixel, compressed to JPEG of quality 90,
 * 5% brighter or darker, mirrored.
 * @param images - uint8 [n, 32, 32, 3] flattened
 */
export async function plantCopies(images: Uint8Array, kind: PlantedKind): Promise<Uint8Array> {
  if (kind === "mirrored") return mirrorHwc(images);
  if (kind === "brighter") return scale(images, 1 + change);
  if (kind === "darker") return scale(images, 1 - change);
  const copies: Uint8Array[] = [];
  for (let start = 0; start < images.length; start += imageBytes) {
    const image = images.subarray(start, start + imageBytes);
    copies.push(kind === "shifted" ? shift(image, start / imageBytes) : await throughJpeg(image, 90));
  }
  return Buffer.concat(copies);
}

function scale(images: Uint8Array, factor: number): Uint8Array {
  return images.map((value) => Math.min(255, Math.round(value * factor)));
}

/** The eight directions take turns. The edge is repeated. */
function shift(image: Uint8Array, index: number): Uint8Array {
  const [dx, dy] = shifts[index % shifts.length]!;
  const clamp = (position: number) => Math.min(imageSide - 1, Math.max(0, position));
  const shifted = new Uint8Array(imageBytes);
  for (let y = 0; y < imageSide; y++) {
    for (let x = 0; x < imageSide; x++) {
      const source = (clamp(y + dy) * imageSide + clamp(x + dx)) * imageChannels;
      shifted.set(image.subarray(source, source + imageChannels), (y * imageSide + x) * imageChannels);
    }
  }
  return shifted;
}
