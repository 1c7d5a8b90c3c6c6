import { imageBytes, imagePixels, imageSide } from "../../core/image-layout.ts";
import type { ImageArray } from "../rows/samples.ts";
import type { ImageFormat } from "./image-format.ts";
import type { SampleRandoms } from "./sample-randoms.ts";

/** The random changes of images, new every time an image is served. */
export interface Augmentation {
  /** Mirrored left to right, with probability one half. */
  readonly flip: boolean;
  /** A random window of the image, padded by this many pixels on each side. */
  readonly crop: { readonly padding: number; readonly mode: "zero" | "reflect" } | undefined;
  /**
   * A square of this many pixels, centered anywhere in the image, set to 0 (DeVries and Taylor 2017, arXiv:1708.04552).
   */
  readonly cutout: { readonly size: number } | undefined;
  /**
   * Blended with another image of the same global batch, with a weight sampled from Beta(alpha, alpha) (Zhang et al.
   * 2017, arXiv:1710.09412).
   */
  readonly mixup: { readonly alpha: number } | undefined;
}

/** The source row, or column, of each row or column of a crop. */
export class CropMaps {
  readonly #columns: Int8Array[];
  readonly #flipped: Int8Array[];
  readonly #padding: number;

  constructor({ crop }: Pick<Augmentation, "crop">) {
    this.#padding = crop?.padding ?? 0;
    const shifts = Array.from({ length: 2 * this.#padding + 1 }, (_, index) => index - this.#padding);
    this.#columns = shifts.map((shift) => mapOf(shift, crop?.mode ?? "zero"));
    this.#flipped = this.#columns.map((map) => map.toReversed());
  }

  rows(randoms: SampleRandoms): Int8Array {
    return this.#columns[randoms.cropRow(2 * this.#padding + 1)]!;
  }

  columns(randoms: SampleRandoms, flip: boolean): Int8Array {
    const shift = randoms.cropColumn(2 * this.#padding + 1);
    return (flip && randoms.isFlipped() ? this.#flipped : this.#columns)[shift]!;
  }
}

function mapOf(shift: number, mode: "zero" | "reflect"): Int8Array {
  return Int8Array.from({ length: imageSide }, (_, index) => {
    const shifted = index + shift;
    if (shifted >= 0 && shifted < imageSide) return shifted;
    if (mode === "zero") return -1;
    return shifted < 0 ? -shifted : 2 * (imageSide - 1) - shifted;
  });
}

/** Sets a square to 0. Parts beyond the border are ignored. */
export function cutOut(
  images: ImageArray,
  index: number,
  size: number,
  layout: ImageFormat["layout"],
  randoms: SampleRandoms,
): void {
  const [firstRow, endRow] = stretchOf(randoms.cutoutRow(), size);
  const [firstColumn, endColumn] = stretchOf(randoms.cutoutColumn(), size);
  for (let y = firstRow; y < endRow; y++) {
    const start = index * imageBytes;
    if (layout === "NHWC") {
      images.fill(0, start + (y * imageSide + firstColumn) * 3, start + (y * imageSide + endColumn) * 3);
      continue;
    }
    for (let plane = start; plane < start + imageBytes; plane += imagePixels) {
      images.fill(0, plane + y * imageSide + firstColumn, plane + y * imageSide + endColumn);
    }
  }
}

function stretchOf(center: number, size: number): [number, number] {
  const first = center - (size >> 1);
  return [Math.max(0, first), Math.min(imageSide, first + size)];
}

/** Blends image `index` with another one: weight · image + (1 - weight) · other. */
export function blend(images: Float32Array, index: number, other: Float32Array, weight: number): void {
  const start = index * imageBytes;
  for (let offset = 0; offset < imageBytes; offset++) {
    images[start + offset] = weight * images[start + offset]! + (1 - weight) * other[offset]!;
  }
}
