import { Chooser } from "./chooser.ts";
import { make } from "./dom.ts";
import type { Listing } from "./listing.ts";
import { fillTile, makeTile, type Tile, type TileSize, tileShape } from "./tiles.ts";
import { VirtualGrid } from "./virtual-grid.ts";

const sizes: readonly TileSize[] = ["small", "medium", "large"];

/** The images of a listing in a grid, in one of three sizes. */
export class ImageGrid {
  readonly element = make("div", { class: "image-grid" });
  /** Chooses the size. */
  readonly sizes: Chooser<TileSize>;
  readonly #onOpen: (index: number) => void;
  #grid: VirtualGrid<Tile> | undefined;
  #listing: Listing | undefined;
  #size: TileSize = "medium";
  #isDue = false;

  constructor(onOpen: (index: number) => void) {
    this.#onOpen = onOpen;
    const choices = sizes.map((size) => [size, size[0]!.toUpperCase(), `${size} images`] as const);
    this.sizes = new Chooser("Size of the images", choices, (size) => this.#resize(size));
    this.sizes.show(this.#size);
  }

  /** @param told - of images that have come, and of errors */
  show(listing: Listing, told: { readonly onCome: () => void; readonly onFail: (thrown: unknown) => void }): void {
    const numImages = listing.sources.length;
    const hasGrid = this.#grid !== undefined && this.#listing?.sources.length === numImages;
    this.#listing = listing;
    if (!hasGrid) this.#makeGrid(numImages);
    const onCome = () => {
      this.#refreshSoon();
      told.onCome();
    };
    for (const { split } of listing.sources) split.images.listen(onCome, told.onFail);
    this.#grid!.show(listing.numItems);
  }

  activate(index: number): void {
    this.#grid?.activate(index);
  }

  focus(): void {
    this.#grid?.element.focus();
  }

  #makeGrid(numImages: number): void {
    const hadFocus = this.element.contains(document.activeElement);
    this.#grid = new VirtualGrid<Tile>("Images", tileShape(this.#size, numImages), {
      make: () => {
        const tile = makeTile(numImages);
        return { element: tile.element, tile };
      },
      fill: (tile, index) => fillTile(tile, this.#listing!.at(index)),
      onShown: (indices) => this.#listing?.want(indices),
      onOpen: this.#onOpen,
    });
    this.#grid.element.classList.add(this.#size);
    this.element.replaceChildren(this.#grid.element);
    if (hadFocus) this.focus();
  }

  #resize(size: TileSize): void {
    this.#grid?.element.classList.replace(this.#size, size);
    this.#size = size;
    this.sizes.show(size);
    this.#grid?.resize(tileShape(size, this.#listing?.sources.length ?? 1));
  }

  /** Draws what has come, once a frame. */
  #refreshSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#grid?.refresh();
    });
  }
}
