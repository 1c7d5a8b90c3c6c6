import type { SplitName } from "../../../shards/format/manifest.ts";
import type { SiteDescription } from "../site-description.ts";
import { make, makeButton } from "./dom.ts";
import { FilterPanel } from "./filter-panel.ts";
import { makeHelpDialog } from "./help-dialog.ts";
import { ImageDialog } from "./image-dialog.ts";
import { Listing } from "./listing.ts";
import type { OpenSet } from "./open-set.ts";
import { openRemoved } from "./removed-view.ts";
import { ResultsView } from "./results-view.ts";
import { SearchBox } from "./search-box.ts";
import { setTitles } from "./set-titles.ts";
import { firstView, formatView, parseView, type View, withoutFilters } from "./view-state.ts";

/** Keys of a view that determine which images are listed. */
const listedBy = ["set", "part", "labels", "isOther", "from", "to", "flags", "sort", "isFalling"] as const;

/** Filters, the grid of images, and the view of one of them; the address is their state. */
export class BrowsePage {
  readonly element: HTMLElement;
  readonly tools: readonly HTMLElement[];
  readonly #site: SiteDescription;
  readonly #sets: readonly OpenSet[];
  readonly #panel: FilterPanel;
  readonly #results: ResultsView;
  readonly #dialog: ImageDialog;
  readonly #help = makeHelpDialog();
  readonly #search: SearchBox;
  #listing: Listing | undefined;
  #view: View = firstView;
  /** Counts the views, so that a slow one does not replace a later one. */
  #numViews = 0;

  constructor(site: SiteDescription, sets: readonly OpenSet[]) {
    this.#site = site;
    this.#sets = sets;
    const titles = setTitles(sets.map(({ manifest }) => manifest));
    const onReset = () => void this.#go(withoutFilters(this.#view));
    this.#panel = new FilterPanel({
      sets: sets.map(({ manifest }) => manifest),
      titles,
      hasRemoved: site.hasRun,
      onChange: (change) => void this.#go({ ...this.#view, ...change }),
      onReset,
    });
    this.#results = new ResultsView({
      filtersId: this.#panel.element.id,
      onOpen: (index) => this.#openIndex(index),
      onToggleFilters: () => this.#toggleFilters(),
      onReset,
    });
    this.#dialog = new ImageDialog({
      site,
      titles: new Map(sets.length < 2 ? [] : sets.map((set, at) => [set, titles[at]!])),
      onStep: (step) => this.#step(step),
      onId: (id) => void this.#openId(id).catch((thrown: unknown) => this.#results.say(thrown)),
      onClose: () => void this.#go({ ...this.#view, image: undefined }),
    });
    this.#search = new SearchBox(
      (id) => this.#openId(id),
      () => {
        this.#results.clearNotice();
        this.#results.focus();
      },
    );
    this.tools = [
      this.#search.element,
      makeButton("?", { class: "icon", "aria-label": "keys", title: "keys (?)" }, () => this.#help.showModal()),
    ];
    const heading = make("h1", { class: "unseen" }, `Images of ${site.name}`);
    const parts = [heading, this.#panel.element, this.#results.element, this.#dialog.element, this.#help];
    this.element = make("div", { class: "browser" }, ...parts);
    document.addEventListener("keydown", (event) => this.#onKey(event));
    window.addEventListener("hashchange", () => void this.#apply(this.#parse()));
  }

  async start(): Promise<void> {
    await this.#apply(this.#parse());
    this.#results.focus();
  }

  #parse(): View {
    const numClasses = Math.max(...this.#sets.map(({ manifest }) => manifest.classNames.length));
    const view = parseView(location.hash, numClasses);
    return {
      ...view,
      ...(this.#sets.length > 1 ? {} : { set: "a" }),
      ...(view.part === "removed" && !this.#site.hasRun ? { part: "train" } : {}),
    };
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
    this.#results.clearNotice();
    this.#panel.show(view, this.#listing?.selections ?? [], this.#hasFlags());
    try {
      if (this.#isListed(view)) this.#results.showCountOf(this.#listing!);
      else if (!(await (view.part === "removed" ? this.#showRemoved(turn) : this.#list(view, view.part, turn)))) return;
      this.#showImage();
    } catch (thrown) {
      if (turn === this.#numViews) this.#fail(view, thrown);
    }
  }

  /** Whether the images of a view are those on show. The rows of the view before may still be on their way. */
  #isListed(view: View): boolean {
    const listed = this.#listing?.view;
    return listed !== undefined && listedBy.every((key) => JSON.stringify(listed[key]) === JSON.stringify(view[key]));
  }

  /** @returns whether the view is still wanted once its rows are here */
  async #list(view: View, part: SplitName, turn: number): Promise<boolean> {
    const chosen = { a: [0], b: [1], both: [0, 1] }[view.set].map((at) => this.#sets[at]!);
    const onProgress = (share: number) => {
      // A later view with other filters waits for the same rows.
      if (this.#view.part === part && this.#view.set === view.set) this.#results.showProgress(share);
    };
    onProgress(0);
    const sources = await Promise.all(chosen.map(async (set) => ({ set, split: await set.split(part, onProgress) })));
    if (turn !== this.#numViews) return false;
    const listing = new Listing(sources, view);
    this.#listing = listing;
    this.#panel.show(view, listing.selections, this.#hasFlags());
    this.#results.show(listing);
    return true;
  }

  #hasFlags(): boolean {
    return this.#listing?.sources.some(({ split }) => split.columns.hasFlags) ?? false;
  }

  /** @returns whether the view is still wanted once the copies are here */
  async #showRemoved(turn: number): Promise<boolean> {
    const told = (tell: () => void) => {
      if (turn === this.#numViews) tell();
    };
    const content = await openRemoved(this.#sets[0]!, {
      onCount: (text) => told(() => this.#results.showCount(text)),
      onFail: (thrown) => told(() => this.#results.say(thrown)),
    });
    if (turn !== this.#numViews) return false;
    this.#listing = undefined;
    this.#results.showRemoved(...content);
    return true;
  }

  /** Says in place of the images why they cannot be shown. Those of another view must not stand under this one's name. */
  #fail(view: View, thrown: unknown): void {
    this.#listing = undefined;
    this.#panel.show(view, [], false);
    this.#dialog.close();
    const what = view.part === "removed" ? "removed copies" : `${view.part} images`;
    this.#results.showFailure(`The ${what} cannot be shown`, thrown, () => void this.#apply(this.#view));
  }

  #showImage(): void {
    const { image } = this.#view;
    const images = image === undefined ? [] : (this.#listing?.byId(image) ?? []);
    if (image === undefined || images.length === 0) {
      this.#dialog.close();
      if (image !== undefined) this.#results.say(new Error(`No image with id ${image} in this split`));
      return;
    }
    const index = this.#listing!.indexOf(image);
    if (index >= 0) this.#results.activate(index);
    // What has the focus now has it again when the image is closed.
    if (!this.#dialog.element.open) this.#results.focus();
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
    this.#results.clearNotice();
    const set = this.#sets[this.#view.set === "b" ? 1 : 0]!;
    for (const part of ["train", "test"] as const) {
      // Ids outside of what the manifest says need no columns.
      const isPossible = set.manifest.splits[part].shards.some(({ idStart, idEnd }) => id >= idStart && id < idEnd);
      if (!isPossible || !(await set.split(part)).ids.includes(id)) continue;
      const other = this.#view.part === part ? this.#view : withoutFilters({ ...this.#view, part });
      await this.#go({ ...other, image: id });
      return true;
    }
    this.#results.say(new Error(`No image with id ${id}; it may have been removed as a copy`));
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
    this.#results.showToggle(isOpen);
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
