import { Cifar5mError } from "../core/errors.ts";
import { requireKeys } from "../core/require-keys.ts";
import { hashConfig } from "../storage/canonical-json.ts";
import { parseLocation } from "../storage/parse-location.ts";
import { type Manifest, readManifest, type SplitName, splitNames } from "./format/manifest.ts";
import type { ImageFormat } from "./loader/image-format.ts";
import { type Loader, RowLoader } from "./loader/loader.ts";
import type { LoaderOptions } from "./loader/loader-options.ts";
import { type OpenOptions, openOptionKeys } from "./open-options.ts";
import { type RowFilter, resolveFilter } from "./rows/row-filter.ts";
import { RowStore } from "./rows/row-store.ts";
import { allocateSamples, type ImageArray, type Samples } from "./rows/samples.ts";
import { folderSource, type ShardSource } from "./rows/shard-source.ts";

/** Bytes of images held in memory unless told otherwise: 256 MiB, about 87,000 images. */
export const defaultMemoryBytes = 256 * 2 ** 20;

/**
 * Opens one split of a published dataset. Only the manifest is read; shards are opened, or fetched, as they are needed.
 * Hashes of local shards are not checked here: that is what `verifyDataset` does. Those of fetched ones are.
 * @param location - the folder that holds manifest.json: a path, `file://`, `https://`, `http://` or `s3://bucket/prefix`
 * @throws Cifar5mError `manifest/…`, `json/corrupt`, `dataset/unknown-split`, `disk/…`; `store/…`
 */
export async function openDataset(location: string, options: OpenOptions = {}): Promise<Dataset> {
  requireKeys("openDataset's options", options, openOptionKeys);
  const parsed = parseLocation(location);
  if (parsed.kind === "folder") {
    const { directory } = parsed;
    return new Dataset(folderSource(directory), await readManifest(directory), options);
  }
  const { openRemote } = await import("./remote/open-remote.ts");
  const { source, manifest } = await openRemote(parsed.url, options);
  return new Dataset(source, manifest, options);
}

/** One split of a published dataset, or a part of it. */
export class Dataset {
  /** The folder, or the URL of a remote one. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly splitName: SplitName;
  /** Images of the split. */
  readonly numSamples: number;
  /** Identity of the data, carried by loader states: equal for a local and a remote copy. */
  readonly fingerprint: string;
  /** Where the rows lie; shared by the parts of a split. */
  readonly store: RowStore;
  readonly #source: ShardSource;
  readonly #options: OpenOptions;
  readonly #rows: Uint32Array | undefined;

  /** @internal */
  constructor(
    source: ShardSource,
    manifest: Manifest,
    options: OpenOptions,
    part?: { readonly store: RowStore; readonly rows: Uint32Array; readonly name: string },
  ) {
    const { split: splitName = "train", memoryBytes = defaultMemoryBytes } = options;
    if (!splitNames.includes(splitName)) {
      throw new Cifar5mError(
        "dataset/unknown-split",
        `split must be one of ${splitNames.join(", ")}, got ${String(splitName)}. Choose one.`,
      );
    }
    this.directory = source.location;
    this.manifest = manifest;
    this.splitName = splitName;
    this.fingerprint = `${splitName}-${manifest.sha256.slice(0, 32)}${part?.name ?? ""}`;
    this.#source = source;
    this.#options = options;
    const entries = manifest.splits[splitName].shards;
    this.store = part?.store ?? new RowStore({ source, entries, numClasses: manifest.classNames.length, memoryBytes });
    this.#rows = part?.rows;
    this.numSamples = this.#rows?.length ?? this.store.numRows;
  }

  /** The index is the label. */
  get classNames(): readonly string[] {
    return this.manifest.classNames;
  }

  /** Another split of the same dataset; to be closed on its own. */
  split(splitName: SplitName): Dataset {
    return new Dataset(this.#source, this.manifest, { ...this.#options, split: splitName });
  }

  /**
   * The samples that a filter keeps. Reads the labels and confidences of the whole split, 16 bytes a row; keeps 4 bytes
   * a row. Closing either closes both.
   * @throws Cifar5mError `dataset/unknown-class`, `dataset/out-of-range`; `shard/…`, `table/…`, `disk/…`
   */
  async filter(filter: RowFilter): Promise<Dataset> {
    const resolved = resolveFilter(filter, this.classNames);
    const kept = await this.store.selectRows(resolved);
    const before = this.#rows === undefined ? undefined : new Set(this.#rows);
    const rows = before === undefined ? kept : kept.filter((row) => before.has(row));
    const name = `${this.fingerprint.slice(this.splitName.length + 33)}-${hashConfig({ ...resolved }).slice(0, 8)}`;
    const part = { store: this.store, rows, name };
    return new Dataset(this.#source, this.manifest, this.#options, part);
  }

  /**
   * Batches in the order of a regime.
   * @throws Cifar5mError `loader/…` for options out of range, `loader-state/…` for a state of another loader
   */
  loader<DType extends ImageFormat["dtype"] = "uint8">(
    options: LoaderOptions<DType>,
  ): Loader<DType extends "float32" ? Float32Array : Uint8Array> {
    const { store, fingerprint, directory, splitName, manifest } = this;
    const { signal: _, ...reopen } = { ...this.#options, split: splitName };
    const shards = splitNames.flatMap((name) => manifest.splits[name].shards);
    const pool = {
      ...{ store, fingerprint, directory, reopen, rows: this.#rows },
      numClasses: manifest.classNames.length,
      idEnd: shards.reduce((end, shard) => Math.max(end, shard.idEnd), 0),
    };
    const loader: Loader<ImageArray> = new RowLoader(pool, this.#options.memoryBytes ?? defaultMemoryBytes, options);
    return loader as Loader<DType extends "float32" ? Float32Array : Uint8Array>;
  }

  /**
   * Samples by index, in the order asked for.
   * @param indices - each in [0, numSamples)
   * @throws Cifar5mError `dataset/no-such-row`; `shard/…`, `table/…`, `disk/…`; `store/…`; `dataset/closed`
   */
  async readImages(indices: ArrayLike<number>): Promise<Samples> {
    const rows = Float64Array.from(indices, (index) => this.#rowAt(index));
    const samples = allocateSamples(rows.length);
    const release = this.store.use();
    try {
      await this.store.ready(rows);
      for (const [place, row] of rows.entries()) this.store.readRow(row, place, samples);
    } finally {
      release();
    }
    return samples;
  }

  #rowAt(index: number): number {
    if (Number.isSafeInteger(index) && index >= 0 && index < this.numSamples) return this.#rows?.[index] ?? index;
    throw new Cifar5mError(
      "dataset/no-such-row",
      `a row index must be an integer in [0, ${this.numSamples}), got ${index}. Ask for rows the split has.`,
    );
  }

  /** Closes files, ends downloads and frees memory. A loader of a closed dataset throws `dataset/closed`. */
  close(): void {
    this.store.close();
  }
}
