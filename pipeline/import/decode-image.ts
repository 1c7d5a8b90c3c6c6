import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { imageBytes, imagePixels, imageSide } from "../../core/image-layout.ts";
import { loadSharp } from "../../pictures/load-sharp.ts";

/** Larger pictures are refused before they are unpacked: a small file can hold gigapixels. */
const maxPixels = 2 ** 26;

/**
 * Decodes a PNG or JPEG into pixels.
 * @param options.resize - whether pictures of other sizes are scaled to cover 32×32 and cropped at the center;
 *   otherwise they are refused
 * @returns uint8, shape [32, 32, 3] flattened
 * @throws Cifar5mError `image/…` for any other file, and for transparent pictures
 */
export async function decodeImage(path: string, options: { readonly resize: boolean }): Promise<Uint8Array> {
  const sharp = await loadSharp();
  let bytes: Uint8Array;
  let channels: number;
  try {
    const image = sharp(path, { limitInputPixels: maxPixels, failOn: "warning" });
    const { format, width, height, pages } = await image.metadata();
    if ((format !== "png" && format !== "jpeg") || (pages ?? 1) > 1) throw notAPicture(path, `it is ${format}`);
    if (!options.resize && (width !== imageSide || height !== imageSide)) {
      throw new Cifar5mError(
        "image/wrong-size",
        `${path} must be ${imageSide}×${imageSide} pixels, got ${width}×${height}. ` +
          "Give --resize to scale such pictures, or remove it.",
      );
    }
    const upright = image.autoOrient();
    const sized = options.resize ? upright.resize(imageSide, imageSide, { fit: "cover" }) : upright;
    const { data, info } = await sized
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    bytes = data;
    channels = info.channels;
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) throw thrown;
    throw notAPicture(path, messageOf(thrown).replaceAll(/\s+/g, " ").trim(), thrown);
  }
  if (channels === 3 && bytes.length === imageBytes) return bytes;
  if (channels !== 4) throw notAPicture(path, `it has ${channels} channels`);
  return withoutAlpha(bytes, path);
}

function withoutAlpha(rgba: Uint8Array, path: string): Uint8Array {
  const rgb = new Uint8Array(imageBytes);
  for (let pixel = 0; pixel < imagePixels; pixel++) {
    if (rgba[4 * pixel + 3] !== 255) {
      throw new Cifar5mError(
        "image/transparent",
        `${path} must not be transparent, and is at pixel ${pixel}. Put it on a background of your choice first.`,
      );
    }
    rgb.set(rgba.subarray(4 * pixel, 4 * pixel + 3), 3 * pixel);
  }
  return rgb;
}

function notAPicture(path: string, what: string, cause?: unknown): Cifar5mError {
  return new Cifar5mError("image/unreadable", `${path} must be a whole PNG or JPEG picture: ${what}. Remove it.`, {
    cause,
  });
}
