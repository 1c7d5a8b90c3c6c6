import { messageOf } from "../../../core/errors.ts";
import { SetChangedError } from "./ask.ts";
import { announce, delayed, make, makeButton, setAttributes } from "./dom.ts";
import { ImageGrid } from "./image-grid.ts";
import { describeCount, describeEmptiness, type Listing } from "./listing.ts";

/** What the results can ask of the page. */
export interface ResultsOptions {
  /** The id of the filters. */
  readonly filtersId: string;
  readonly onOpen: (index: number) => void;
  readonly onToggleFilters: () => void;
  readonly onReset: () => void;
}

/** What stands beside the filters: how many images, then the images, the removed copies, or why there are none. */
export class ResultsView {
  readonly element: HTMLElement;
  readonly #options: ResultsOptions;
  readonly #toggle: HTMLButtonElement;
  readonly #count = make("p", { class: "count-line" });
  /** What went wrong since the view was chosen. */
  readonly #notice = make("p", { class: "notice-line", hidden: true });
  #isOfImages = false;
  readonly #message = make("div", { class: "message", hidden: true });
  readonly #removed = make("div", { class: "removed-view", role: "region", tabindex: 0, hidden: true });
  readonly #grid: ImageGrid;

  constructor(options: ResultsOptions) {
    this.#options = options;
    this.#grid = new ImageGrid(options.onOpen);
    this.#grid.sizes.element.classList.add("sizes");
    const toggleAttributes = { class: "toggle", "aria-expanded": "false", "aria-controls": options.filtersId };
    this.#toggle = makeButton("Filters", toggleAttributes, options.onToggleFilters);
    const bar = make("div", { class: "bar" }, this.#toggle, this.#count, this.#grid.sizes.element);
    this.#removed.setAttribute("aria-label", "Removed copies");
    const parts = [this.#message, this.#removed, this.#grid.element];
    this.element = make("div", { class: "results" }, bar, this.#notice, ...parts);
  }

  /** @param areFiltersOpen - whether they cover the images on a narrow screen */
  showToggle(areFiltersOpen: boolean): void {
    this.#toggle.textContent = areFiltersOpen ? "Show images" : "Filters";
    setAttributes(this.#toggle, { "aria-expanded": String(areFiltersOpen) });
  }

  /** Says that what is on show is about to be replaced. @param share - of the bytes that have come */
  showProgress(share: number): void {
    this.#count.textContent = `loading labels, ${Math.round(100 * share)}%`;
  }

  /** Shows the images of a listing, or why it has none. */
  show(listing: Listing): void {
    this.#grid.element.hidden = false;
    this.#grid.show(listing, {
      onCome: () => {
        if (this.#isOfImages) this.clearNotice();
      },
      onFail: (thrown) => this.#showNotice(thrown, true),
    });
    this.showCountOf(listing);
    const reset = makeButton("Reset filters", {}, this.#options.onReset);
    if (listing.numItems > 0) this.#showOnly(this.#grid.element);
    else this.#showMessage(describeEmptiness(listing), "", ...(listing.isFiltered ? [reset] : []));
  }

  showCountOf(listing: Listing): void {
    this.showCount(describeCount(listing));
  }

  showCount(text: string): void {
    this.#count.textContent = text;
    this.#announceSoon();
  }

  /** Shows the list of removed copies. */
  showRemoved(...content: readonly Node[]): void {
    this.#removed.replaceChildren(...content);
    this.#showOnly(this.#removed);
  }

  /** Shows in place of the images that they cannot be loaded. */
  showFailure(title: string, thrown: unknown, onRetry: () => void): void {
    this.#count.textContent = "";
    const retry = thrown instanceof SetChangedError ? makeReloadButton() : makeButton("Try again", {}, onRetry);
    this.#showMessage(title, messageOf(thrown), retry);
    announce(`${title}. ${messageOf(thrown)}`);
  }

  /** Says what went wrong, until the view changes. */
  say(thrown: unknown): void {
    this.#showNotice(thrown, false);
  }

  clearNotice(): void {
    this.#notice.hidden = true;
    this.#notice.replaceChildren();
  }

  /** Makes an item the active one. */
  activate(index: number): void {
    this.#grid.activate(index);
  }

  focus(): void {
    const shown = [this.#message, this.#removed].find(({ hidden }) => !hidden);
    if (shown === undefined) this.#grid.focus();
    else if (shown === this.#removed) shown.focus();
    else shown.querySelector("button")?.focus();
  }

  #showMessage(title: string, text: string, ...buttons: readonly HTMLElement[]): void {
    const content = [make("h2", {}, title), ...(text === "" ? [] : [make("p", {}, text)]), ...buttons];
    this.#showOnly(this.#message, content);
  }

  /** Shows one of the parts. The focus does not stay in what is hidden or replaced. */
  #showOnly(part: HTMLElement, content?: readonly Node[]): void {
    const parts = [this.#message, this.#removed, this.#grid.element];
    const hadFocus = parts.some(
      (one) => one.contains(document.activeElement) && (one !== part || content !== undefined),
    );
    for (const one of parts) one.hidden = one !== part;
    if (content !== undefined) part.replaceChildren(...content);
    if (hadFocus) this.focus();
  }

  #showNotice(thrown: unknown, isOfImages: boolean): void {
    const text = messageOf(thrown);
    this.#isOfImages = isOfImages;
    // Failing requests are repeated, and their notice is said once.
    if (!this.#notice.hidden && this.#notice.firstChild?.textContent === text) return;
    this.#notice.replaceChildren(text, ...(thrown instanceof SetChangedError ? [makeReloadButton()] : []));
    this.#notice.hidden = false;
    announce(text);
  }

  readonly #announceSoon = delayed(400, () => announce(this.#count.textContent ?? ""));
}

function makeReloadButton(): HTMLElement {
  return makeButton("Load anew", {}, () => location.reload());
}
