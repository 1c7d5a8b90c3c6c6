import { Cifar5mError } from "../core/errors.ts";
import { hashConfig } from "../storage/canonical-json.ts";
import { firstFreeId } from "./format/free-ids.ts";
import { earlierRows, type Manifest, type SplitName, splitNames } from "./format/manifest.ts";
import type { StartWorkers } from "./loader/batch-supply.ts";
import type { ImageFormat } from "./loader/image-format.ts";
import { requireFittingLive } from "./loader/live-source.ts";
import type { Loader } from "./loader/loader.ts";
import type { LoaderOptions } from "./loader/loader-options.ts";
import type { EarlierPool } from "./loader/pool.ts";
import { RowLoader } from "./loader/row-loader.ts";
import type { OpenOptions } from "./open-options.ts";
import { type RowFilter, resolveFilter } from "./rows/row-filter.ts";
import { readRowFlags } from "./rows/row-flags.ts";
import { countRows, countRowsBelow, intersectRows, type RowNumbers, rowNumberAt } from "./rows/row-numbers.ts";
import { RowStore } from "./rows/row-store.ts";
import { allocateSamples, type ImageArray, type Samples } from "./rows/samples.ts";
import { selectRows } from "./rows/select-rows.ts";
import type { ShardSource } from "./rows/shard-source.ts";

/** Bytes of images held in memory unless told otherwise: 256 MiB, about 87,000 images. */
const defaultMemoryBytes = 256 * 2 ** 20;

/** One split of a published data set, or the rows of it that a filter keeps. */
export class Dataset {
  /** The folder, or the URL of a remote one without its secrets. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly splitName: SplitName;
  /** Images of the split, or of the part of it that a filter keeps. */
  readonly numSamples: number;
  /** Identifies the data, in loader states: equal for a local and a remote copy. */
  readonly fingerprint: string;
  /** @internal The splits' parts share this store. */
  readonly store: RowStore;
  readonly #source: ShardSource;
  readonly #options: OpenOptions;
  readonly #startWorkers: StartWorkers | undefined;
  readonly #rows: RowNumbers | undefined;
  /** Names the filters of a part in its fingerprint; empty for the whole split. */
  readonly #partName: string;

  /** @internal */
  constructor(
    source: ShardSource,
    manifest: Manifest,
    options: OpenOptions,
    startWorkers: StartWorkers | undefined,
    part?: { readonly store: RowStore; readonly rows: RowNumbers; readonly name: string },
  ) {
    const { split: splitName = "train", memoryBytes = defaultMemoryBytes } = options;
    if (!splitNames.includes(splitName)) {
      throw new Cifar5mError(
        "dataset/unknown-split",
        `split must be one of ${splitNames.join(", ")}, got ${String(splitName)}. Choose one.`,
      );
    }
    if (typeof memoryBytes !== "number" || !(memoryBytes >= 0)) {
      throw new Cifar5mError(
        "dataset/out-of-range",
        `memoryBytes must be a number of 0 or more, got ${String(memoryBytes)}. Give bytes, such as ${defaultMemoryBytes}.`,
      );
    }
    this.directory = source.location;
    this.manifest = manifest;
    this.splitName = splitName;
    this.#partName = part?.name ?? "";
    this.fingerprint = this.#fingerprintOf(manifest.sha256);
    this.#source = source;
    this.#options = options;
    this.#startWorkers = startWorkers;
    const entries = manifest.splits[splitName].shards;
    this.store = part?.store ?? new RowStore({ source, entries, numClasses: manifest.classNames.length, memoryBytes });
    this.#rows = part?.rows;
    this.numSamples = this.#rows === undefined ? this.store.numRows : countRows(this.#rows);
  }

  /** The index is the label. */
  get classNames(): readonly string[] {
    return this.manifest.classNames;
  }

  /** Opens a split of the same data set, all of it, even where this is a filtered part. The caller closes it separately. */
  split(splitName: SplitName): Dataset {
    return new Dataset(this.#source, this.manifest, { ...this.#options, split: splitName }, this.#startWorkers);
  }

  /**
   * The samples that a filter keeps. The call reads the labels and confidences of the whole split, 12 bytes a row, and
   * the result holds 4 bytes in memory for each row that is kept, 8 in a split beyond 2³² rows. With
   * flags, the call also reads the ids and the table that `cifar5m audit` wrote beside the manifest. The result reads through
   * this data set: closing it does nothing, and closing this one closes both.
   * @throws Cifar5mError `dataset/unknown-class`, `dataset/unknown-flag`, `dataset/out-of-range`; `flags/…`; `shard/…`,
   *   `table/…`, `disk/…`
   */
  async filter(filter: RowFilter): Promise<Dataset> {
    const resolved = resolveFilter(filter, this.classNames);
    const flags =
      resolved.flags === undefined
        ? undefined
        : await readRowFlags(
            this.#source,
            this.manifest,
            this.splitName,
            resolved.flags,
            this.#options.signal ?? new AbortController().signal,
          );
    const kept = await selectRows(this.store, resolved, flags);
    const rows = this.#rows === undefined ? kept : intersectRows(kept, this.#rows, this.store.numRows);
    const name = `${this.#partName}-${hashConfig({ ...resolved, table: flags?.sha256 }).slice(0, 8)}`;
    const part = { store: this.store, rows, name };
    return new Dataset(this.#source, this.manifest, this.#options, this.#startWorkers, part);
  }

  /**
   * Batches in the order of a regime.
   * @throws Cifar5mError `loader/…` for options out of range, `loader-state/…` for a state of another loader
   */
  loader<DType extends ImageFormat["dtype"] = "uint8">(
    options: LoaderOptions<DType>,
  ): Loader<DType extends "float32" ? Float32Array : Uint8Array> {
    const { store, fingerprint, splitName, manifest } = this;
    const { signal, ...reopen } = this.#options;
    const pool = {
      earlier: this.#earlierPools(),
      store,
      fingerprint,
      entries: manifest.splits[splitName].shards,
      reopen,
      signal,
      rows: this.#rows,
      startWorkers: this.#startWorkers,
      numClasses: manifest.classNames.length,
      idEnd: firstFreeId(manifest),
    };
    const loader: Loader<ImageArray> = new RowLoader(pool, this.#options.memoryBytes ?? defaultMemoryBytes, options);
    if (options.regime === "infinite") {
      const { classNames } = manifest;
      requireFittingLive(options.live, { classNames, splitName, isFiltered: this.#rows !== undefined });
    }
    return loader as Loader<DType extends "float32" ? Float32Array : Uint8Array>;
  }

  /**
   * Samples by index, in the order asked for.
   * @param indices - each in [0, numSamples)
   * @throws Cifar5mError `dataset/no-such-row`; `shard/…`, `table/…`, `disk/…`; `store/…`; `dataset/closed`
   */
  async readImages(indices: ArrayLike<number>): Promise<Samples> {
    if (typeof indices?.length !== "number") {
      throw new Cifar5mError(
        "dataset/no-such-row",
        `readImages must get a list of row indices, got ${String(indices)}. Pass [0, 1, 2], for example.`,
      );
    }
    const rows = Float64Array.from(indices, (index) => this.#rowAt(index));
    const samples = allocateSamples(rows.length);
    const release = this.store.use();
    try {
      await this.store.ready(rows);
      for (const [index, row] of rows.entries()) this.store.readRow(row, index, samples);
    } finally {
      release();
    }
    return samples;
  }

  /** What there was to serve at the earlier sizes of the set. */
  #earlierPools(): EarlierPool[] {
    const { manifest, splitName } = this;
    const numRows = earlierRows(manifest, splitName);
    return (manifest.growth ?? []).map(({ sha256 }, index) => ({
      fingerprint: this.#fingerprintOf(sha256),
      numRows: this.#rows === undefined ? numRows[index]! : countRowsBelow(this.#rows, numRows[index]!),
    }));
  }

  /** @param sha256 - of the data set, at its size or an earlier one */
  #fingerprintOf(sha256: string): string {
    return `${this.splitName}-${sha256.slice(0, 32)}${this.#partName}`;
  }

  #rowAt(index: number): number {
    if (Number.isSafeInteger(index) && index >= 0 && index < this.numSamples) {
      return this.#rows === undefined ? index : rowNumberAt(this.#rows, index);
    }
    throw new Cifar5mError(
      "dataset/no-such-row",
      `a row index must be an integer in [0, ${this.numSamples}), got ${index}. Ask for rows the split has.`,
    );
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /**
   * Closes files, ends downloads and frees memory. A loader of a closed dataset throws `dataset/closed`. A part that a
   * filter kept stays open as long as the data set that it is a part of.
   */
  close(): void {
    if (this.#rows === undefined) this.store.close();
  }
}
