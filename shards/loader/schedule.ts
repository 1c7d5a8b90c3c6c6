import type { BatchRange } from "./batch-maker.ts";
import type { ResolvedOptions } from "./resolve-options.ts";

/** Position of the next sample. */
export interface Cursor {
  readonly epoch: number;
  readonly position: number;
}

/** Which samples make up each batch, one batch after the other. */
export class Schedule {
  readonly batchesPerEpoch: number;
  /** Whether each loop is an epoch. Otherwise loops continue one sequence of batches. */
  readonly isByEpoch: boolean;
  readonly #options: ResolvedOptions;
  readonly #isLive: boolean;

  /** @param isLive - whether a live source makes samples beyond those of the pool */
  constructor(options: ResolvedOptions, isLive: boolean) {
    const { numSamples, batchSize, dropLast } = options;
    this.batchesPerEpoch = dropLast ? Math.floor(numSamples / batchSize) : Math.ceil(numSamples / batchSize);
    this.isByEpoch = options.epochs === undefined;
    this.#options = options;
    this.#isLive = isLive;
  }

  /** Number of batches that a loop from the start serves. */
  get numBatches(): number {
    return this.#isLive ? Number.POSITIVE_INFINITY : this.batchesPerEpoch * (this.#options.epochs ?? 1);
  }

  /** The batch that starts at a cursor, or undefined if there is none. */
  rangeAt({ epoch, position }: Cursor): BatchRange | undefined {
    const { batchSize, numSamples, epochs = Number.POSITIVE_INFINITY, dropLast } = this.#options;
    if (epoch >= epochs) return undefined;
    const end = position + batchSize;
    if (end <= numSamples || this.#isLive) return { epoch, start: position, end };
    return dropLast ? undefined : { epoch, start: position, end: numSamples };
  }

  /** The batch after another one in the same loop, or undefined if the loop ends. */
  following(range: BatchRange): BatchRange | undefined {
    const next = this.rangeAt(this.after(range));
    return this.isByEpoch && next?.epoch !== range.epoch ? undefined : next;
  }

  /** Where the next batch starts. */
  after({ epoch, end }: BatchRange): Cursor {
    return this.normalize({ epoch, position: end });
  }

  /** The cursor itself, or the start of the next epoch if this one has no batch left. */
  normalize({ epoch, position }: Cursor): Cursor {
    const { regime, batchSize, numSamples, dropLast } = this.#options;
    const isLeft = numSamples - position >= (dropLast ? batchSize : 1);
    return regime === "infinite" || isLeft ? { epoch, position } : { epoch: epoch + 1, position: 0 };
  }

  /** Number of batches before this one. */
  stepOf({ epoch, start }: BatchRange): number {
    return epoch * this.batchesPerEpoch + Math.floor(start / this.#options.batchSize);
  }

  /** Whether samples of a live source are part of the batch. */
  reachesBeyondThePool({ end }: BatchRange): boolean {
    return this.#isLive && end > this.#options.numSamples;
  }
}
