import { formatCount } from "../../../core/format.ts";
import { countOf } from "./format.ts";
import type { ShownImage } from "./image-dialog.ts";
import type { OpenSet, OpenSplit } from "./open-set.ts";
import { type Selection, selectRows } from "./select-rows.ts";
import { matchIds, sortRows } from "./sort-rows.ts";
import { filterOf, type View } from "./view-state.ts";

/** An opened split of a set. */
export interface Source {
  readonly set: OpenSet;
  readonly split: OpenSplit;
}

/** The images that a view shows, in order. */
export class Listing {
  readonly sources: readonly Source[];
  /** What asked for it. */
  readonly view: View;
  /** What the filter keeps of each source. */
  readonly selections: readonly Selection[];
  /** Rows of the first source. */
  readonly #rows: Uint32Array;
  /** Rows of the second source by row of the first. */
  readonly #matches: Int32Array | undefined;

  /** @param sources - one, or two to show the images of equal ids beside each other */
  constructor(sources: readonly Source[], view: View) {
    this.sources = sources;
    this.view = view;
    this.selections = sources.map(({ split: { columns } }) => selectRows(columns, filterOf(view, columns)));
    const [{ split }, other] = sources as [Source, Source | undefined];
    this.#matches = other === undefined ? undefined : matchIds(split.ids, other.split.ids);
    const kept = this.selections[0]!.rows;
    const matched = this.#matches === undefined ? kept : kept.filter((row) => this.#matches![row]! >= 0);
    this.#rows = sortRows(matched, split.columns, split.ids, { key: view.sort, isFalling: view.isFalling });
  }

  get numItems(): number {
    return this.#rows.length;
  }

  /** The image of an item, or that of each source. */
  at(index: number): ShownImage[] {
    const row = this.#rows[index];
    if (row === undefined) return [];
    return this.#imagesOf(row);
  }

  /** The item with an id. @returns −1 if the filter leaves it out */
  indexOf(id: number): number {
    const row = this.sources[0]!.split.ids.indexOf(id);
    return row < 0 ? -1 : this.#rows.indexOf(row);
  }

  /** The images of an id, whether the filter keeps it or not. */
  byId(id: number): ShownImage[] {
    const row = this.sources[0]!.split.ids.indexOf(id);
    return row < 0 ? [] : this.#imagesOf(row);
  }

  /** Whether there were images without the filters. */
  get isFiltered(): boolean {
    return this.#matches === undefined
      ? this.sources[0]!.split.columns.numRows > 0
      : this.#matches.some((row) => row >= 0);
  }

  /** Has the images of some items fetched. */
  want(indices: readonly number[]): void {
    const shown = indices.map((index) => this.at(index));
    for (const [at, { split }] of this.sources.entries()) {
      split.images.want(shown.flatMap((images) => (images[at] === undefined ? [] : [images[at].row])));
    }
  }

  #imagesOf(row: number): ShownImage[] {
    const [first, other] = this.sources as [Source, Source | undefined];
    const match = this.#matches?.[row] ?? -1;
    return [{ ...first, row }, ...(other === undefined || match < 0 ? [] : [{ ...other, row: match }])];
  }
}

/** How many images a listing has, of how many. */
export function describeCount({ numItems, sources, selections }: Listing): string {
  if (sources.length === 1) {
    const { numRows } = sources[0]!.split.columns;
    return numItems === numRows
      ? countOf(numRows, "image")
      : `${formatCount(numItems)} of ${countOf(numRows, "image")}`;
  }
  const kept = selections.map(({ rows }) => formatCount(rows.length));
  return `${countOf(numItems, "id")} in both; the filter keeps ${kept[0]} of A and ${kept[1]} of B`;
}

/** Why a listing shows nothing. */
export function describeEmptiness({ isFiltered, sources }: Listing): string {
  if (sources.length === 1) return isFiltered ? "No image passes these filters" : "This split has no images";
  return isFiltered ? "No id that is in both sets passes these filters" : "No id is in both sets";
}
