import type { CifarImages } from "../cifar-10/read-cifar-10.ts";
import type { Split } from "../run/units.ts";

/** What can be imported. */
export const importFormats = ["npz", "cifar-10", "cifar-100", "image-folder"] as const;
export type ImportFormat = (typeof importFormats)[number];

/** Rows handed on at a time. */
export const chunkRows = 1024;

/** A labeled set made elsewhere. */
export interface ImportSource {
  readonly format: ImportFormat;
  /** The index is the label. */
  readonly classNames: readonly string[];
  /** Images of each split, as the source itself divides them. */
  readonly numRows: Readonly<Record<Split, number>>;
  /**
   * All images in order, train before test, in constant memory; may be called again.
   * @throws Cifar5mError for whatever is wrong with the source
   */
  read(): AsyncGenerator<CifarImages>;
}
