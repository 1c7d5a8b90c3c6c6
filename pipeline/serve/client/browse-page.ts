import { messageOf } from "../../../core/errors.ts";
import { formatCount } from "../../../core/format.ts";
import type { SiteDescription } from "../site-description.ts";
import { announce, delayed, make, makeButton, setAttributes } from "./dom.ts";
import { FilterPanel } from "./filter-panel.ts";
import { makeHelpDialog } from "./help-dialog.ts";
import { ImageDialog } from "./image-dialog.ts";
import { ImageGrid } from "./image-grid.ts";
import { describeCount, Listing } from "./listing.ts";
import type { OpenSet } from "./open-set.ts";
import { showRemoved } from "./removed-view.ts";
import { SearchBox } from "./search-box.ts";
import { firstView, formatView, parseView, type View } from "./view-state.ts";

/** Keys of a view that determine which images are listed. */
const listedBy = ["set", "part", "labels", "isOther", "from", "to", "flags", "sort", "isFalling"] as const;

/** Filters, the grid of images, and the view of one of them; the address is their state. */
export class BrowsePage {
  readonly element: HTMLElement;
  readonly tools: readonly HTMLElement[];
  readonly #sets: readonly OpenSet[];
  readonly #panel: FilterPanel;
  readonly #dialog: ImageDialog;
  readonly #help = makeHelpDialog();
  readonly #search: SearchBox;
  readonly #count = make("p", { class: "count-line" });
  readonly #removed = make("div", { class: "removed-view", hidden: true });
  readonly #results = make("div", { class: "results" });
  readonly #grid = new ImageGrid((index) => this.#openIndex(index));
  #listing: Listing | undefined;
  #view: View = firstView;
  /** Counts the views, so that a slow one does not replace a later one. */
  #numViews = 0;

  constructor(site: SiteDescription, sets: readonly OpenSet[]) {
    this.#sets = sets;
    this.#panel = new FilterPanel({
      sets: sets.map(({ manifest }) => manifest),
      hasRemoved: site.hasRun,
      onChange: (change) => void this.#go({ ...this.#view, ...change }),
    });
    this.#dialog = new ImageDialog({
      site,
      onStep: (step) => this.#step(step),
      onId: (id) => void this.#openId(id),
      onClose: () => void this.#go({ ...this.#view, image: undefined }),
    });
    this.#search = new SearchBox(
      (id) => this.#openId(id),
      () => this.#grid.focus(),
    );
    const filters = makeButton(
      "Filters",
      { class: "toggle", "aria-expanded": "false", "aria-controls": "filters" },
      () => this.#toggleFilters(),
    );
    this.tools = [
      this.#search.element,
      makeButton("?", { class: "icon", "aria-label": "keys", title: "keys (?)" }, () => this.#help.showModal()),
    ];
    this.#grid.sizes.element.classList.add("sizes");
    const bar = make("div", { class: "bar" }, filters, this.#count, this.#grid.sizes.element);
    this.#results.append(bar, this.#removed, this.#grid.element);
    this.element = make(
      "div",
      { class: "browser" },
      this.#panel.element,
      this.#results,
      this.#dialog.element,
      this.#help,
    );
    document.addEventListener("keydown", (event) => this.#onKey(event));
    window.addEventListener("hashchange", () => void this.#apply(this.#parse()));
  }

  async start(): Promise<void> {
    await this.#apply(this.#parse());
    this.#grid.focus();
  }

  #parse(): View {
    const numClasses = Math.max(...this.#sets.map(({ manifest }) => manifest.classNames.length));
    const view = parseView(location.hash, numClasses);
    return this.#sets.length > 1 ? view : { ...view, set: "a" };
  }

  /** Goes to a view that the address then names. */
  async #go(view: View): Promise<void> {
    const hash = formatView(view);
    const address = hash === "" ? location.pathname : `#${hash}`;
    // Back closes an image; filters would fill the history.
    if (view.image !== undefined && this.#view.image === undefined) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    await this.#apply(view);
  }

  async #apply(view: View): Promise<void> {
    const turn = ++this.#numViews;
    this.#view = view;
    // The rows of the view before may still be on their way.
    const listed = this.#listing?.view;
    const isListed =
      listed !== undefined && listedBy.every((key) => JSON.stringify(listed[key]) === JSON.stringify(view[key]));
    this.#panel.show(view, this.#listing?.selections ?? [], this.#hasFlags());
    try {
      if (!isListed) {
        if (view.part === "removed") await this.#showRemoved(turn);
        else if (!(await this.#list(view, turn))) return;
      }
      this.#showImage();
    } catch (thrown) {
      if (turn === this.#numViews) this.#say(messageOf(thrown));
    }
  }

  /** @returns whether the view is still wanted once its rows are here */
  async #list(view: View, turn: number): Promise<boolean> {
    const { part } = view;
    if (part === "removed") return false;
    const chosen = { a: [0], b: [1], both: [0, 1] }[view.set].map((at) => this.#sets[at]!);
    const onProgress = (share: number) => {
      if (turn === this.#numViews) this.#count.textContent = `loading labels, ${Math.round(100 * share)}%`;
    };
    const sources = await Promise.all(chosen.map(async (set) => ({ set, split: await set.split(part, onProgress) })));
    if (turn !== this.#numViews) return false;
    const listing = new Listing(sources, view);
    this.#listing = listing;
    this.#panel.show(view, listing.selections, this.#hasFlags());
    this.#removed.hidden = true;
    this.#grid.element.hidden = false;
    this.#grid.show(listing, (thrown) => this.#say(messageOf(thrown)));
    this.#say(describeCount(listing));
    return true;
  }

  #hasFlags(): boolean {
    return this.#listing?.sources.some(({ split }) => split.columns.hasFlags) ?? false;
  }

  async #showRemoved(turn: number): Promise<void> {
    this.#listing = undefined;
    this.#grid.element.hidden = true;
    this.#removed.hidden = false;
    await showRemoved(this.#removed, (text) => {
      if (turn === this.#numViews) this.#say(text);
    });
  }

  #showImage(): void {
    const { image } = this.#view;
    const images = image === undefined ? [] : (this.#listing?.byId(image) ?? []);
    if (image === undefined || images.length === 0) {
      this.#dialog.close();
      if (image !== undefined) this.#say(`No image with id ${image} in this split`);
      return;
    }
    const index = this.#listing!.indexOf(image);
    if (index >= 0) this.#grid.activate(index);
    this.#dialog.show(images);
  }

  #openIndex(index: number): void {
    const listing = this.#listing;
    const [image] = listing?.at(index) ?? [];
    // What is on screen is meant, though another view may be on its way.
    if (image !== undefined) void this.#go({ ...listing!.view, image: image.split.ids[image.row]! });
  }

  /** Opens the image of an id, of whichever split. @returns whether there is one */
  async #openId(id: number): Promise<boolean> {
    const set = this.#sets[this.#view.set === "b" ? 1 : 0]!;
    for (const part of ["train", "test"] as const) {
      // Ids outside of what the manifest says need no columns.
      const isPossible = set.manifest.splits[part].shards.some(({ idStart, idEnd }) => id >= idStart && id < idEnd);
      if (!isPossible || !(await set.split(part)).ids.includes(id)) continue;
      const other = this.#view.part === part ? this.#view : { ...firstView, set: this.#view.set, part };
      await this.#go({ ...other, image: id });
      return true;
    }
    this.#say(`No image with id ${formatCount(id)}; it may have been removed as a copy`);
    return false;
  }

  #step(step: 1 | -1): void {
    const { image } = this.#view;
    if (image === undefined || this.#listing === undefined) return;
    const next = this.#listing.indexOf(image) + step;
    if (next >= 0 && next < this.#listing.numItems) this.#openIndex(next);
  }

  #toggleFilters(): void {
    const isOpen = this.element.classList.toggle("filtering");
    const toggle = this.#results.querySelector(".toggle")!;
    toggle.textContent = isOpen ? "Show images" : "Filters";
    setAttributes(toggle, { "aria-expanded": String(isOpen) });
  }

  readonly #announceSoon = delayed(400, () => announce(this.#count.textContent ?? ""));

  #say(text: string): void {
    this.#count.textContent = text;
    this.#announceSoon();
  }

  #onKey(event: KeyboardEvent): void {
    const isTyping =
      event.target instanceof HTMLElement &&
      event.target.matches("input:not([type=checkbox]):not([type=range]), select");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || this.#dialog.element.open || this.#help.open)
      return;
    if (event.key === "/") this.#search.focus();
    else if (event.key === "?") this.#help.showModal();
    else if (event.key === "f") this.#toggleFilters();
    else return;
    event.preventDefault();
  }
}
