import type { Manifest, SplitName } from "../../../shards/format/manifest.ts";
import { fetchManifest } from "../../../shards/remote/fetch-manifest.ts";
import { httpStore } from "../../../shards/remote/http-store.ts";
import { resolveTransfer } from "../../../shards/remote/transfer-options.ts";
import { openColumns, type RowColumns } from "../row-columns.ts";
import { inOurWords, SetChangedError } from "./ask.ts";
import { fetchBuffer } from "./fetch-buffer.ts";
import { allIds } from "./sort-rows.ts";
import { SplitImages } from "./split-images.ts";

/** A split with its columns in memory. */
export interface OpenSplit {
  readonly split: SplitName;
  readonly columns: RowColumns;
  /** Of all rows. */
  readonly ids: Float64Array;
  readonly images: SplitImages;
}

/** A set that is served below a path. */
export class OpenSet {
  readonly manifest: Manifest;
  /** `""`, or `compare/`. */
  readonly base: string;
  readonly #splits = new Map<SplitName, Promise<OpenSplit>>();

  private constructor(base: string, manifest: Manifest) {
    this.base = base;
    this.manifest = manifest;
  }

  /**
   * Fetches the manifest and checks it.
   * @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt`; Error if the server cannot be reached
   */
  static async open(base: string): Promise<OpenSet> {
    const store = httpStore(new URL(`${base}dataset`, location.href.replace(/#.*$/s, "")).href);
    const manifest = await fetchManifest(store, resolveTransfer(undefined), undefined).catch(inOurWords);
    return new OpenSet(base, manifest);
  }

  /** The address of what the server has beside the files of this set. There is nothing under it once the set has changed. */
  pathOf(name: string): string {
    return `${this.base}${name}?sha256=${this.manifest.sha256}`;
  }

  /** Loads the columns of a split, once. @param onProgress - told the share of the bytes that has come */
  split(name: SplitName, onProgress: (share: number) => void = () => undefined): Promise<OpenSplit> {
    let opened = this.#splits.get(name);
    if (opened === undefined) {
      opened = this.#load(name, onProgress);
      opened.catch(() => this.#splits.delete(name));
      this.#splits.set(name, opened);
    }
    return opened;
  }

  async #load(split: SplitName, onProgress: (share: number) => void): Promise<OpenSplit> {
    const buffer = await fetchBuffer(this.pathOf(`columns/${split}.bin`), onProgress);
    if (buffer === undefined) throw new SetChangedError();
    const columns = openColumns(buffer);
    return {
      split,
      columns,
      ids: allIds(columns),
      images: new SplitImages(`${this.base}dataset`, this.manifest.splits[split].shards, columns),
    };
  }
}
