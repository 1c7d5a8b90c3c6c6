import type { ImageArray } from "../rows/samples.ts";
import { type Augmentation, CropMaps, cutOut } from "./augmentation.ts";
import { createImageWriter, type ImageFormat, type ImageWriter } from "./image-format.ts";
import type { SampleRandoms } from "./sample-randoms.ts";

/** Turns a stored image into the served one: moves it, converts it, and cuts a square out. */
export class ImageTransform {
  readonly #format: ImageFormat;
  readonly #augmentation: Augmentation;
  readonly #writer: ImageWriter | undefined;
  readonly #crops: CropMaps;

  constructor(format: ImageFormat, augmentation: Augmentation) {
    this.#format = format;
    this.#augmentation = augmentation;
    this.#crops = new CropMaps(augmentation);
    const isAsStored = format.dtype === "uint8" && format.layout === "NHWC";
    const isMoved = augmentation.flip || augmentation.crop !== undefined;
    if (!isAsStored || isMoved) this.#writer = createImageWriter(format);
  }

  /** Whether served images have the stored bytes, except for a square that is cut out. */
  get keepsBytes(): boolean {
    return this.#writer === undefined;
  }

  /**
   * @param stored - uint8, shape [32, 32, 3]
   * @param images - the array whose image `index` is written
   * @param randoms - must be at the image's position
   */
  write(stored: Uint8Array, images: ImageArray, index: number, randoms: SampleRandoms): void {
    const rows = this.#crops.rows(randoms);
    const columns = this.#crops.columns(randoms, this.#augmentation.flip);
    this.#writer?.write(stored, rows, columns, images, index);
    this.cutOut(images, index, randoms);
  }

  /** Cuts a square out of image `index`, if that was requested. */
  cutOut(images: ImageArray, index: number, randoms: SampleRandoms): void {
    const { cutout } = this.#augmentation;
    if (cutout !== undefined) cutOut(images, index, cutout.size, this.#format.layout, randoms);
  }
}
