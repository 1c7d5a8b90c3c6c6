/** Browsers lay out no box that is much higher. */
const maxHeight = 8_000_000;
/** Time without scrolling after which the scroll bar is put where it belongs. */
const idleMs = 150;

/**
 * The visible part of something of any height. A box of 6 million tiles would be higher than browsers can lay out. Then
 * the box is lower than what it shows: the scroll bar moves in proportion, the wheel and the keys move by pixels.
 */
export class ScrollWindow {
  readonly #element: HTMLElement;
  readonly #spacer: HTMLElement;
  readonly #onMove: () => void;
  #shownHeight = 0;
  #top = 0;
  #lastScroll = 0;
  #timer = 0;

  /**
   * @param element - the box that scrolls
   * @param spacer - its only child
   */
  constructor(element: HTMLElement, spacer: HTMLElement, onMove: () => void) {
    this.#element = element;
    this.#spacer = spacer;
    this.#onMove = onMove;
    element.addEventListener("scroll", () => this.#onScroll(), { passive: true });
  }

  /** Where the visible part begins, in pixels of what is shown. */
  get top(): number {
    return this.#top;
  }

  get height(): number {
    return this.#element.clientHeight;
  }

  /** What to add to a position in what is shown, to place it in the box. */
  get shift(): number {
    return this.#lastScroll - this.#top;
  }

  /** Sets the height of what is shown. */
  setShownHeight(height: number): void {
    this.#shownHeight = height;
    this.#spacer.style.height = `${Math.min(maxHeight, height)}px`;
  }

  moveTo(top: number): void {
    this.#top = Math.max(0, Math.min(top, this.#ends.shown));
    this.#sync();
    this.#onMove();
  }

  /** Scroll positions of the box and of what it shows, at most. */
  get #ends(): { readonly box: number; readonly shown: number } {
    const below = (height: number) => Math.max(0, height - this.height);
    return { box: below(Math.min(maxHeight, this.#shownHeight)), shown: below(this.#shownHeight) };
  }

  /** Puts the scroll bar where the visible part is. */
  #sync(): void {
    const { box, shown } = this.#ends;
    this.#element.scrollTop = shown === 0 ? 0 : (this.#top / shown) * box;
    this.#lastScroll = this.#element.scrollTop;
  }

  #onScroll(): void {
    const { box, shown } = this.#ends;
    const { scrollTop } = this.#element;
    const moved = scrollTop - this.#lastScroll;
    if (moved === 0) return;
    this.#lastScroll = scrollTop;
    const isDragged = Math.abs(moved) > 2 * this.height;
    const inProportion = box === 0 ? 0 : (scrollTop / box) * shown;
    this.#top = Math.max(0, Math.min(box === shown || isDragged ? inProportion : this.#top + moved, shown));
    if (box !== shown) {
      // At an end of the box the wheel could not go on.
      if (scrollTop <= 0 || scrollTop >= box - 1) this.#sync();
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => {
        this.#sync();
        this.#onMove();
      }, idleMs);
    }
    this.#onMove();
  }
}
