import { allocateBytes } from "../../core/allocate-bytes.ts";
import { cifar10Mean, cifar10Std, imageBytes, imagePixels, imageSide } from "../../core/image-layout.ts";
import type { ImageArray } from "../rows/samples.ts";

/** The format of served images. */
export interface ImageFormat {
  /** `uint8`: the stored bytes. `float32`: bytes / 255, then normalized if that was requested. */
  readonly dtype: "uint8" | "float32";
  /** `NHWC`: channels last, as stored. `NCHW`: one plane a channel. */
  readonly layout: "NHWC" | "NCHW";
  /** Per channel, for pixels in [0, 1]: (x - mean) / std. For float32 only. */
  readonly normalize: Normalization | undefined;
}

export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Mean and standard deviation of CIFAR-10 train, pixels in [0, 1]. */
export const cifar10Normalization: Normalization = { mean: cifar10Mean, std: cifar10Std };

/** Allocates an array for images. Its content is undefined. */
export function allocateImages(dtype: ImageFormat["dtype"], numImages: number): ImageArray {
  const buffer = allocateBytes(numImages * imageBytes * (dtype === "uint8" ? 1 : 4));
  return dtype === "uint8" ? new Uint8Array(buffer) : new Float32Array(buffer);
}

/** Writes an image to its position in a batch, pixel by pixel. */
export interface ImageWriter {
  /**
   * @param source - uint8, shape [32, 32, 3]
   * @param rows - source row for each row of the result; −1 gives black
   * @param columns - the same for columns
   * @param target - the array whose image `index` is written
   */
  write(source: Uint8Array, rows: Int8Array, columns: Int8Array, target: ImageArray, index: number): void;
}

/** Creates a writer for a format. All arithmetic is done once, in a table of the value of each byte of each channel. */
export function createImageWriter(format: ImageFormat): ImageWriter {
  const table = valueTable(format);
  const isPlanar = format.layout === "NCHW";
  const pixelStep = isPlanar ? 1 : 3;
  const channelStep = isPlanar ? imagePixels : 1;
  return {
    write(source, rows, columns, target, index) {
      let offset = index * imageBytes;
      for (let y = 0; y < imageSide; y++) {
        const row = rows[y]!;
        for (let x = 0; x < imageSide; x++) {
          const column = columns[x]!;
          if ((row | column) < 0) {
            target[offset] = table[0]!;
            target[offset + channelStep] = table[256]!;
            target[offset + 2 * channelStep] = table[512]!;
          } else {
            const pixel = (row * imageSide + column) * 3;
            target[offset] = table[source[pixel]!]!;
            target[offset + channelStep] = table[256 + source[pixel + 1]!]!;
            target[offset + 2 * channelStep] = table[512 + source[pixel + 2]!]!;
          }
          offset += pixelStep;
        }
      }
    },
  };
}

/** The value of each byte, shape [3, 256]. */
function valueTable({ dtype, normalize }: ImageFormat): ImageArray {
  const table = dtype === "uint8" ? new Uint8Array(3 * 256) : new Float32Array(3 * 256);
  for (let index = 0; index < table.length; index++) {
    const [channel, byte] = [index >> 8, index & 255];
    if (dtype === "uint8") table[index] = byte;
    else if (normalize === undefined) table[index] = byte / 255;
    else table[index] = (byte / 255 - normalize.mean[channel]!) / normalize.std[channel]!;
  }
  return table;
}
