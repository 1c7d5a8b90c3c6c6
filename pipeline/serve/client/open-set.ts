import type { Manifest, SplitName } from "../../../shards/format/manifest.ts";
import { fetchManifest } from "../../../shards/remote/fetch-manifest.ts";
import { httpStore } from "../../../shards/remote/http-store.ts";
import type { ObjectStore } from "../../../shards/remote/object-store.ts";
import { resolveTransfer } from "../../../shards/remote/transfer-options.ts";
import { openColumns, type RowColumns } from "../row-columns.ts";
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
  readonly #store: ObjectStore;
  readonly #splits = new Map<SplitName, Promise<OpenSplit>>();

  private constructor(base: string, store: ObjectStore, manifest: Manifest) {
    this.base = base;
    this.#store = store;
    this.manifest = manifest;
  }

  /** Fetches the manifest and checks it. @throws Cifar5mError `store/…`, `manifest/…`, `json/corrupt` */
  static async open(base: string): Promise<OpenSet> {
    const store = httpStore(new URL(`${base}dataset`, location.href.replace(/#.*$/s, "")).href);
    return new OpenSet(base, store, await fetchManifest(store, resolveTransfer(undefined), undefined));
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
    const path = `${this.base}columns/${split}.bin?sha256=${this.manifest.sha256}`;
    const buffer = await fetchBuffer(path, onProgress);
    if (buffer === undefined) throw new Error("The set has changed since this page was opened. Load the page anew.");
    const columns = openColumns(buffer);
    return {
      split,
      columns,
      ids: allIds(columns),
      images: new SplitImages(this.#store, this.manifest, split, columns),
    };
  }
}
