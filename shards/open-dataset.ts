import { resolve } from "node:path";
import { BuilderError } from "../core/errors.ts";
import { hashConfig } from "./canonical-json.ts";
import type { ImageArray, ImageFormat } from "./image-format.ts";
import { type Loader, RowLoader } from "./loader.ts";
import type { LoaderOptions } from "./loader-options.ts";
import { type Manifest, readManifest, type SplitName, splitNames } from "./manifest.ts";
import { type RowFilter, resolveFilter } from "./row-filter.ts";
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

/** One split of a published dataset, or a part of it. */
export class Dataset {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly splitName: SplitName;
  /** Images of the split. */
  readonly numSamples: number;
  /** Identity of the data, carried by loader states. */
  readonly fingerprint: string;
  /** Where the rows lie; shared by the parts of a split. */
  readonly store: RowStore;
  readonly #memoryBytes: number;
  readonly #rows: Uint32Array | undefined;

  constructor(
    directory: string,
    manifest: Manifest,
    splitName: SplitName,
    memoryBytes: number,
    part?: { readonly store: RowStore; readonly rows: Uint32Array; readonly name: string },
  ) {
    if (!splitNames.includes(splitName)) {
      throw new BuilderError(
        "dataset/unknown-split",
        `split must be one of ${splitNames.join(", ")}, got ${String(splitName)}. Choose one.`,
      );
    }
    this.directory = directory;
    this.manifest = manifest;
    this.splitName = splitName;
    this.fingerprint = `${splitName}-${manifest.sha256.slice(0, 32)}${part?.name ?? ""}`;
    this.#memoryBytes = memoryBytes;
    const entries = manifest.splits[splitName].shards;
    this.store =
      part?.store ?? new RowStore({ directory, entries, numClasses: manifest.classNames.length, memoryBytes });
    this.#rows = part?.rows;
    this.numSamples = this.#rows?.length ?? this.store.numRows;
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
   * The samples that a filter keeps. Reads the labels and confidences of the whole split, 16 bytes a row; keeps 4 bytes
   * a row. Closing either closes both.
   * @throws BuilderError `dataset/unknown-class`, `dataset/out-of-range`; `shard/…`, `table/…`, `disk/…`
   */
  async filter(filter: RowFilter): Promise<Dataset> {
    const resolved = resolveFilter(filter, this.classNames);
    const kept = await this.store.selectRows(resolved);
    const before = this.#rows === undefined ? undefined : new Set(this.#rows);
    const rows = before === undefined ? kept : kept.filter((row) => before.has(row));
    const name = `${this.fingerprint.slice(this.splitName.length + 33)}-${hashConfig({ ...resolved }).slice(0, 8)}`;
    const part = { store: this.store, rows, name };
    return new Dataset(this.directory, this.manifest, this.splitName, this.#memoryBytes, part);
  }

  /**
   * Batches in the order of a regime.
   * @throws BuilderError `loader/…` for options out of range, `loader-state/…` for a state of another loader
   */
  loader<DType extends ImageFormat["dtype"] = "uint8">(
    options: LoaderOptions<DType>,
  ): Loader<DType extends "float32" ? Float32Array : Uint8Array> {
    const { store, fingerprint, directory, splitName, manifest } = this;
    const shards = splitNames.flatMap((name) => manifest.splits[name].shards);
    const pool = {
      ...{ store, fingerprint, directory, splitName, rows: this.#rows },
      numClasses: manifest.classNames.length,
      idEnd: shards.reduce((end, shard) => Math.max(end, shard.idEnd), 0),
    };
    const loader: Loader<ImageArray> = new RowLoader(pool, this.#memoryBytes, options);
    return loader as Loader<DType extends "float32" ? Float32Array : Uint8Array>;
  }

  /**
   * Samples by index, in the order asked for.
   * @param indices - each in [0, numSamples)
   * @throws BuilderError `dataset/no-such-row`; `shard/…`, `table/…`, `disk/…`; `dataset/closed`
   */
  async readImages(indices: ArrayLike<number>): Promise<Samples> {
    const numRows = indices.length;
    const samples = allocateSamples(numRows);
    const release = this.store.use();
    try {
      for (let place = 0; place < numRows; place++) {
        const index = indices[place] ?? Number.NaN;
        if (!Number.isSafeInteger(index) || index < 0 || index >= this.numSamples) {
          throw new BuilderError(
            "dataset/no-such-row",
            `a row index must be an integer in [0, ${this.numSamples}), got ${index}. Ask for rows the split has.`,
          );
        }
        this.store.readRow(this.#rows?.[index] ?? index, place, samples);
      }
    } finally {
      release();
    }
    return samples;
  }

  /** Closes files and frees memory. A loader of a closed dataset throws `dataset/closed`. */
  close(): void {
    this.store.close();
  }
}
