import { BuilderError } from "../core/errors.ts";
import { type Loader, RowLoader } from "./loader.ts";
import type { LoaderOptions } from "./loader-options.ts";
import { type Manifest, readManifest, type SplitName, splitNames } from "./manifest.ts";
import type { OpenOptions } from "./open-options.ts";
import { parseLocation } from "./parse-location.ts";
import { RowStore } from "./row-store.ts";
import { allocateSamples, type Samples } from "./samples.ts";
import { folderSource, type ShardSource } from "./shard-source.ts";

/** Bytes of images held in memory unless told otherwise: 256 MiB, about 87,000 images. */
export const defaultMemoryBytes = 256 * 2 ** 20;

/**
 * Opens one split of a published dataset. Only the manifest is read; shards are opened, or fetched, as they are needed.
 * Hashes of local shards are not checked here: that is what `verifyDataset` does. Those of fetched ones are.
 * @param location - the folder that holds manifest.json: a path, `file://`, `https://`, `http://` or `s3://bucket/prefix`
 * @throws BuilderError `manifest/…`, `json/corrupt`, `dataset/unknown-split`, `disk/…`; `store/…`
 */
export async function openDataset(location: string, options: OpenOptions = {}): Promise<Dataset> {
  const { split = "train", memoryBytes = defaultMemoryBytes } = options;
  const parsed = parseLocation(location);
  if (parsed.kind === "folder") {
    const { directory } = parsed;
    return new Dataset(folderSource(directory), await readManifest(directory), split, memoryBytes);
  }
  const { openRemote } = await import("./remote/open-remote.ts");
  const { source, manifest } = await openRemote(parsed.url, options);
  return new Dataset(source, manifest, split, memoryBytes);
}

/** One split of a published dataset. */
export class Dataset {
  /** The folder, or the URL of a remote one. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly splitName: SplitName;
  /** Images of the split. */
  readonly numSamples: number;
  /** Identity of the split's data, carried by loader states: equal for a local and a remote copy. */
  readonly fingerprint: string;
  readonly #source: ShardSource;
  readonly #memoryBytes: number;
  readonly #store: RowStore;

  /** @internal */
  constructor(source: ShardSource, manifest: Manifest, splitName: SplitName, memoryBytes: number) {
    if (!splitNames.includes(splitName)) {
      throw new BuilderError(
        "dataset/unknown-split",
        `split must be one of ${splitNames.join(", ")}, got ${String(splitName)}. Choose one.`,
      );
    }
    this.directory = source.location;
    this.manifest = manifest;
    this.splitName = splitName;
    this.fingerprint = `${splitName}-${manifest.sha256.slice(0, 32)}`;
    this.#source = source;
    this.#memoryBytes = memoryBytes;
    const entries = manifest.splits[splitName].shards;
    this.#store = new RowStore({ source, entries, numClasses: manifest.classNames.length, memoryBytes });
    this.numSamples = this.#store.numRows;
  }

  /** The index is the label. */
  get classNames(): readonly string[] {
    return this.manifest.classNames;
  }

  /** Another split of the same dataset; to be closed on its own. */
  split(splitName: SplitName): Dataset {
    return new Dataset(this.#source, this.manifest, splitName, this.#memoryBytes);
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
   * @throws BuilderError `dataset/no-such-row`; `shard/…`, `table/…`, `disk/…`; `store/…`; `dataset/closed`
   */
  async readImages(rowIndices: ArrayLike<number>): Promise<Samples> {
    const numRows = rowIndices.length;
    for (let index = 0; index < numRows; index++) this.#requireRow(rowIndices[index] ?? Number.NaN);
    const samples = allocateSamples(numRows);
    const release = this.#store.use();
    try {
      for (let waiting = this.#store.prepare(rowIndices); waiting !== undefined; ) {
        await waiting;
        waiting = this.#store.prepare(rowIndices);
      }
      for (let index = 0; index < numRows; index++) this.#store.readRow(rowIndices[index]!, index, samples);
    } finally {
      release();
    }
    return samples;
  }

  #requireRow(row: number): void {
    if (Number.isSafeInteger(row) && row >= 0 && row < this.numSamples) return;
    throw new BuilderError(
      "dataset/no-such-row",
      `a row index must be an integer in [0, ${this.numSamples}), got ${row}. Ask for rows the split has.`,
    );
  }

  /** Closes files, ends downloads and frees memory. A loader of a closed dataset throws `dataset/closed`. */
  close(): void {
    this.#store.close();
  }
}
