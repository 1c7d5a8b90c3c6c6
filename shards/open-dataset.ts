import { resolve } from "node:path";
import { BuilderError } from "../core/errors.ts";
import { type Loader, RowLoader } from "./loader.ts";
import type { LoaderOptions } from "./loader-options.ts";
import { type Manifest, readManifest, type SplitName, splitNames } from "./manifest.ts";
import { RowStore } from "./row-store.ts";
import { allocateSamples, type Samples } from "./samples.ts";

/** Bytes of images held in memory unless told otherwise: 256 MiB, about 87,000 images. */
export const defaultMemoryBytes = 256 * 2 ** 20;

/**
 * Opens one split of a published dataset. Only the manifest is read; shards are opened as they are needed. Their hashes
 * are not checked here: that is what `verifyDataset` does.
 * @param directory - the folder that holds manifest.json
 * @param options.split - default `train`
 * @param options.memoryBytes - images held in memory: those of the split if they all fit, else those of each finite
 *   subset that fits; default 256 MiB. Besides, 9 bytes a row are held of every shard that was touched.
 * @throws BuilderError `manifest/…`, `json/corrupt`, `dataset/unknown-split`, `disk/…`
 */
export async function openDataset(
  directory: string,
  options: { readonly split?: SplitName; readonly memoryBytes?: number } = {},
): Promise<Dataset> {
  const manifest = await readManifest(directory);
  return new Dataset(resolve(directory), manifest, options.split ?? "train", options.memoryBytes ?? defaultMemoryBytes);
}

/** One split of a published dataset. */
export class Dataset {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly splitName: SplitName;
  /** Images of the split. */
  readonly numSamples: number;
  /** Identity of the split's data, carried by loader states. */
  readonly fingerprint: string;
  readonly #memoryBytes: number;
  readonly #store: RowStore;

  constructor(directory: string, manifest: Manifest, splitName: SplitName, memoryBytes: number) {
    if (!splitNames.includes(splitName)) {
      throw new BuilderError(
        "dataset/unknown-split",
        `split must be one of ${splitNames.join(", ")}, got ${String(splitName)}. Choose one.`,
      );
    }
    this.directory = directory;
    this.manifest = manifest;
    this.splitName = splitName;
    this.fingerprint = `${splitName}-${manifest.sha256.slice(0, 32)}`;
    this.#memoryBytes = memoryBytes;
    const entries = manifest.splits[splitName].shards;
    this.#store = new RowStore({ directory, entries, numClasses: manifest.classNames.length, memoryBytes });
    this.numSamples = this.#store.numRows;
  }

  /** The index is the label. */
  get classNames(): readonly string[] {
    return this.manifest.classNames;
  }

  /** Another split of the same dataset; to be closed on its own. */
  split(splitName: SplitName): Dataset {
    return new Dataset(this.directory, this.manifest, splitName, this.#memoryBytes);
  }

  /**
   * Batches in the order of a regime.
   * @throws BuilderError `loader/…` for options out of range, `loader-state/…` for a state of another loader
   */
  loader(options: LoaderOptions): Loader {
    return new RowLoader(this.#store, this.fingerprint, this.#memoryBytes, options);
  }

  /**
   * Samples by row, in the order asked for.
   * @param rowIndices - each in [0, numSamples)
   * @throws BuilderError `dataset/no-such-row`; `shard/…`, `table/…`, `disk/…`; `dataset/closed`
   */
  async readImages(rowIndices: ArrayLike<number>): Promise<Samples> {
    const numRows = rowIndices.length;
    const samples = allocateSamples(numRows);
    const release = this.#store.use();
    try {
      for (let index = 0; index < numRows; index++) {
        const row = rowIndices[index] ?? Number.NaN;
        if (!Number.isSafeInteger(row) || row < 0 || row >= this.numSamples) {
          throw new BuilderError(
            "dataset/no-such-row",
            `a row index must be an integer in [0, ${this.numSamples}), got ${row}. Ask for rows the split has.`,
          );
        }
        this.#store.readRow(row, index, samples);
      }
    } finally {
      release();
    }
    return samples;
  }

  /** Closes files and frees memory. A loader of a closed dataset throws `dataset/closed`. */
  close(): void {
    this.#store.close();
  }
}
