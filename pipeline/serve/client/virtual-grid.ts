import { make, setAttributes } from "./dom.ts";
import { ScrollWindow } from "./scroll-window.ts";

/** Rows of tiles that are drawn beyond the visible ones. */
const numExtraRows = 3;
/** The shape of tiles: as many as fit beside each other, then stretched to fill the width. */
export interface TileShape {
  readonly leastWidth: number;
  heightOf(width: number): number;
}

/** What a grid shows. */
export interface GridContent<Tile> {
  /** Makes an empty tile. */
  make(): { readonly element: HTMLElement; readonly tile: Tile };
  /** Fills a tile with an item. */
  fill(tile: Tile, index: number): void;
  /** Told which items are drawn, the visible ones first. */
  onShown(indices: readonly number[]): void;
  /** An item was chosen by Enter or a click. */
  onOpen(index: number): void;
}

/**
 * A grid of any number of tiles, of which only the visible ones exist: a list box for assistive technology, with one
 * stop of the Tab key.
 */
export class VirtualGrid<Tile> {
  readonly element: HTMLElement;
  readonly #content: GridContent<Tile>;
  readonly #spacer = make("div", { class: "spacer" });
  readonly #tiles = new Map<number, { readonly element: HTMLElement; readonly tile: Tile }>();
  readonly #window: ScrollWindow;
  #spare: { readonly element: HTMLElement; readonly tile: Tile }[] = [];
  #numItems = 0;
  #tileWidth = 1;
  #tileHeight = 1;
  #size: TileShape;
  #numColumns = 1;
  #active = -1;

  constructor(label: string, size: TileShape, content: GridContent<Tile>) {
    this.#content = content;
    this.#size = size;
    this.element = make("div", { class: "grid", role: "listbox", tabindex: 0, "aria-label": label }, this.#spacer);
    this.#window = new ScrollWindow(this.element, this.#spacer, () => this.#draw());
    this.element.addEventListener("click", (event) => this.#onClick(event));
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    new ResizeObserver(() => this.#layOut()).observe(this.element);
  }

  /** Shows other items, from the first one on. */
  show(numItems: number): void {
    this.#numItems = numItems;
    this.#active = -1;
    this.#clear();
    this.#layOut();
    this.#window.moveTo(0);
  }

  /** Shows the same items in tiles of another shape. */
  resize(size: TileShape): void {
    this.#size = size;
    this.#layOut();
  }

  /** Fills the drawn tiles again. */
  refresh(): void {
    for (const [index, { tile }] of this.#tiles) this.#content.fill(tile, index);
  }

  /** Makes an item the active one and scrolls it into view. */
  activate(index: number): void {
    if (index < 0 || index >= this.#numItems) return;
    this.#active = index;
    const top = Math.floor(index / this.#numColumns) * this.#tileHeight;
    const bottom = top + this.#tileHeight;
    if (top < this.#window.top) this.#window.moveTo(top);
    else if (bottom > this.#window.top + this.#window.height) this.#window.moveTo(bottom - this.#window.height);
    else this.#draw();
  }

  #clear(): void {
    for (const { element } of this.#tiles.values()) element.remove();
    this.#spare = [];
    this.#tiles.clear();
  }

  #layOut(): void {
    const first = Math.floor(this.#window.top / this.#tileHeight) * this.#numColumns;
    const width = this.#spacer.clientWidth;
    this.#numColumns = Math.max(1, Math.floor(width / this.#size.leastWidth));
    const tileWidth = Math.max(1, Math.floor(width / this.#numColumns));
    const tileHeight = this.#size.heightOf(tileWidth);
    const hasChanged = tileWidth !== this.#tileWidth || tileHeight !== this.#tileHeight;
    [this.#tileWidth, this.#tileHeight] = [tileWidth, tileHeight];
    this.#window.setShownHeight(Math.ceil(this.#numItems / this.#numColumns) * tileHeight);
    if (hasChanged) {
      this.#clear();
      this.#window.moveTo(Math.floor(first / this.#numColumns) * tileHeight);
    } else this.#draw();
  }

  #draw(): void {
    const { top, height, shift } = this.#window;
    const [first, last] = [Math.floor(top / this.#tileHeight), Math.ceil((top + height) / this.#tileHeight)];
    const [start, end] = [Math.max(0, first - numExtraRows), last + numExtraRows];
    const indices = (from: number, to: number) => {
      const [low, high] = [from * this.#numColumns, Math.min(this.#numItems, to * this.#numColumns)];
      return Array.from({ length: Math.max(0, high - low) }, (_, at) => low + at);
    };
    const wanted = new Set(indices(start, end));
    for (const [index, made] of this.#tiles) {
      if (wanted.has(index)) continue;
      this.#tiles.delete(index);
      this.#spare.push(made);
    }
    for (const index of wanted) {
      const made = this.#tiles.get(index) ?? this.#take(index);
      const x = (index % this.#numColumns) * this.#tileWidth;
      const y = Math.floor(index / this.#numColumns) * this.#tileHeight + shift;
      made.element.style.transform = `translate(${x}px, ${y}px)`;
      made.element.classList.toggle("active", index === this.#active);
      made.element.setAttribute("aria-selected", String(index === this.#active));
    }
    for (const { element } of this.#spare) element.remove();
    this.#spare = [];
    setAttributes(this.element, {
      "aria-activedescendant": this.#tiles.has(this.#active) ? `tile-${this.#active}` : false,
    });
    this.#content.onShown([...indices(first, last), ...indices(last, end), ...indices(start, first)]);
  }

  #take(index: number): { readonly element: HTMLElement; readonly tile: Tile } {
    const made = this.#spare.pop() ?? this.#content.make();
    setAttributes(made.element, {
      id: `tile-${index}`,
      role: "option",
      "aria-posinset": index + 1,
      "aria-setsize": this.#numItems,
    });
    made.element.dataset["index"] = String(index);
    made.element.style.width = `${this.#tileWidth}px`;
    made.element.style.height = `${this.#tileHeight}px`;
    this.#content.fill(made.tile, index);
    this.#tiles.set(index, made);
    if (made.element.parentElement === null) this.#spacer.append(made.element);
    return made;
  }

  #onClick({ target }: MouseEvent): void {
    const index = (target as Element).closest<HTMLElement>("[data-index]")?.dataset["index"];
    if (index === undefined) return;
    this.activate(Number(index));
    this.#content.onOpen(Number(index));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.#numItems === 0) return;
    const perPage = Math.max(1, Math.floor(this.element.clientHeight / this.#tileHeight) - 1) * this.#numColumns;
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.#numColumns,
      ArrowDown: this.#numColumns,
      PageUp: -perPage,
      PageDown: perPage,
      Home: -this.#numItems,
      End: this.#numItems,
    };
    const step = steps[event.key];
    if (event.key === "Enter" && this.#active >= 0) this.#content.onOpen(this.#active);
    else if (step !== undefined) {
      // Without an active image, the first visible one comes first; Home and End go to the ends in any case.
      const isFirst = this.#active < 0 && Math.abs(step) < this.#numItems;
      const from = isFirst ? Math.ceil(this.#window.top / this.#tileHeight) * this.#numColumns : this.#active + step;
      this.activate(Math.max(0, Math.min(this.#numItems - 1, from)));
    } else return;
    event.preventDefault();
  }
}
