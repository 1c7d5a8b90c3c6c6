import type { LabeledImages } from "../../core/image-layout.ts";
import type { SplitName } from "../../shards/format/manifest.ts";

/** The formats of an import. */
export const importFormats = ["npz", "cifar-10", "cifar-100", "image-folder"] as const;
export type ImportFormat = (typeof importFormats)[number];

/** Number of rows that are passed on at once. */
export const chunkRows = 256;

/** A labeled set made elsewhere. */
export interface ImportSource {
  /** As the user named it, for errors. */
  readonly path: string;
  readonly format: ImportFormat;
  /** The index is the label. */
  readonly classNames: readonly string[];
  /** Number of images of each split, in the source's own division. */
  readonly numRows: Readonly<Record<SplitName, number>>;
  /**
   * Reads all images in order, train before test, in constant memory. It may be called again.
   * @throws Cifar5mError if anything is wrong with the source
   */
  read(): AsyncGenerator<LabeledImages>;
}
