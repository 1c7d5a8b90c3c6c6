import { Cifar5mError } from "../../core/errors.ts";
import type { BatchRange } from "./batch-maker.ts";
import type { ResolvedOptions } from "./resolve-options.ts";
import type { Cursor, Schedule } from "./schedule.ts";

/** One loop over a loader. */
export interface Loop {
  readonly number: number;
  /** The batch it served last. */
  last: BatchRange | undefined;
}

/** Where a loader stands, and which loop over it serves which batch: docs/order.md, section 6. */
export class LoopCursor {
  readonly #schedule: Schedule;
  readonly #options: ResolvedOptions;
  #cursor: Cursor;
  /** Number of loops that have started. */
  #numLoops = 0;

  constructor(schedule: Schedule, options: ResolvedOptions, start: Cursor) {
    this.#schedule = schedule;
    this.#options = options;
    this.#cursor = start;
  }

  /** Position of the next sample. */
  get cursor(): Cursor {
    return this.#cursor;
  }

  /** @throws Cifar5mError `loader/finished`, `regime/exhausted` if a further loop starts after the last batch */
  start(): Loop {
    const { epoch, position } = this.#cursor;
    const isFurther = this.#numLoops > 0;
    if (isFurther && this.#schedule.isByEpoch && position > 0) this.#cursor = { epoch: epoch + 1, position: 0 };
    else if (isFurther && this.#schedule.rangeAt(this.#cursor) === undefined) {
      this.#requireEnd();
      throw this.#finishedError();
    }
    return { number: ++this.#numLoops, last: undefined };
  }

  /**
   * The next batch of a loop, undefined at its end.
   * @throws Cifar5mError `regime/exhausted`, `loader/overtaken`
   */
  next(loop: Loop): BatchRange | undefined {
    const { isByEpoch } = this.#schedule;
    if (isByEpoch && loop.last !== undefined && this.#schedule.following(loop.last) === undefined) return undefined;
    this.#requireNewest(loop);
    const range = this.#schedule.rangeAt(this.#cursor);
    if (range === undefined) this.#requireEnd();
    return range;
  }

  /**
   * Moves on after a batch that a loop serves.
   * @throws Cifar5mError `loader/overtaken` if a further loop started while the batch was made
   */
  advance(loop: Loop, range: BatchRange): void {
    this.#requireNewest(loop);
    this.#cursor = this.#schedule.after(range);
    loop.last = range;
  }

  #requireNewest(loop: Loop): void {
    if (!this.#schedule.isByEpoch || loop.number === this.#numLoops) return;
    throw new Cifar5mError(
      "loader/overtaken",
      "a loop over one epoch must end before a further loop over the same loader starts, but one has started. " +
        "Make one loader for each loop.",
    );
  }

  #requireEnd(): void {
    const { regime, batchSize, numSamples } = this.#options;
    if (regime === "finite") return;
    const { position } = this.#cursor;
    throw new Cifar5mError(
      "regime/exhausted",
      `the infinite regime was asked for images ${position + 1} to ${position + batchSize} of ${numSamples}. ` +
        "Build more shards, stop earlier, pass a live source, or use the finite regime.",
    );
  }

  #finishedError(): Cifar5mError {
    const { epochs, numSamples } = this.#options;
    return new Cifar5mError(
      "loader/finished",
      `the loader has served its last batch, ${epochs} epochs of ${numSamples} samples; a new loop does not start over. ` +
        "Make another loader with dataset.loader(options) to begin again, or ask for more epochs. " +
        "To serve one epoch in each loop, leave epochs out.",
    );
  }
}
