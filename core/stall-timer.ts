/** Calls a function once, when nothing has happened for so long. Browsers' timers cannot be refreshed as Node's can. */
export class StallTimer {
  readonly #stallMs: number;
  readonly #onStall: () => void;
  #timer: ReturnType<typeof setTimeout>;

  constructor(stallMs: number, onStall: () => void) {
    this.#stallMs = stallMs;
    this.#onStall = onStall;
    this.#timer = setTimeout(onStall, stallMs);
  }

  /** Something happened. */
  refresh(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onStall, this.#stallMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
