import { extname } from "node:path";
import { Piscina } from "piscina";
import { Cifar5mError } from "../../core/errors.ts";
import { shareFilesWith } from "../rows/open-files.ts";
import type { BatchArrays } from "./batch.ts";
import type { BatchRange } from "./batch-maker.ts";
import type { BatchJob, BatchSupply, StartWorkers } from "./batch-supply.ts";

/** The request to a worker thread. */
export interface BatchRequest {
  readonly range: BatchRange;
  /** Arrays of an earlier batch, to write to. */
  readonly out: BatchArrays | undefined;
}

/** The answer of a worker thread. Error classes are lost between threads, so it holds an error's code and message. */
export type BatchAnswer =
  | { readonly batch: BatchArrays; readonly out: BatchArrays }
  | { readonly error: { readonly code: string; readonly message: string } };

/** Number of batches per worker that are finished or in progress beyond the requested one: back-pressure. */
const batchesAhead = 2;

/** Starts worker threads. */
export function batchWorkersOf(location: string): StartWorkers {
  return ({ job, ...options }) => new BatchWorkers({ ...options, job: { ...job, location } });
}

/** Threads that make batches ahead. */
class BatchWorkers implements BatchSupply {
  readonly #pool: Piscina<BatchRequest, BatchAnswer>;
  readonly #reuseArrays: boolean;
  /** Arrays that are free, and the arrays of the batch that was handed out last. */
  readonly #spare: BatchArrays[] = [];
  #handedOut: BatchArrays | undefined;
  readonly #queue: { readonly range: BatchRange; readonly answer: Promise<BatchAnswer> }[] = [];
  readonly #nextRange: (range: BatchRange) => BatchRange | undefined;
  readonly #ready: ((range: BatchRange) => Promise<void>) | undefined;
  readonly #depth: number;
  readonly #unshareFiles: () => void;
  #closed: Promise<void> | undefined;
  readonly #ended = new Int32Array(new SharedArrayBuffer(4));
  readonly #signal: AbortSignal | undefined;

  constructor(options: Omit<Parameters<StartWorkers>[0], "job"> & { readonly job: Omit<BatchJob, "ended"> }) {
    const { numWorkers, reuseArrays } = options.job.options;
    this.#reuseArrays = reuseArrays;
    this.#nextRange = options.nextRange;
    this.#ready = options.ready;
    this.#signal = options.signal;
    this.#unshareFiles = shareFilesWith(numWorkers);
    this.#signal?.addEventListener("abort", this.#end);
    if (this.#signal?.aborted === true) this.#end();
    this.#depth = numWorkers * batchesAhead;
    this.#pool = new Piscina({
      // The worker's file has the same extension as this file, compiled or not.
      filename: new URL(`batch-worker${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: numWorkers,
      maxThreads: numWorkers,
      workerData: { ...options.job, ended: this.#ended },
    });
  }

  async take(range: BatchRange): Promise<BatchArrays> {
    if (this.#handedOut !== undefined) this.#spare.push(this.#handedOut);
    this.#handedOut = undefined;
    // Another loop over the same loader may have taken batches that were made ahead here.
    while (this.#queue.length > 0 && !isSameRange(this.#queue[0]!.range, range)) this.#queue.shift();
    if (this.#queue.length === 0) this.#ask(range);
    while (this.#queue.length < this.#depth) {
      const next = this.#nextRange(this.#queue.at(-1)!.range);
      if (next === undefined) break;
      this.#ask(next);
    }
    const answer = await this.#queue.shift()!.answer.catch((thrown: unknown) => {
      this.#signal?.throwIfAborted();
      throw thrown;
    });
    if ("error" in answer) throw new Cifar5mError(answer.error.code, answer.error.message);
    if (this.#reuseArrays) this.#handedOut = answer.out;
    return answer.batch;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#end);
    this.#end();
    await this.#pool.close({ force: true });
    this.#unshareFiles();
  }

  /** Ends the requests of all threads, also of those that have not started yet. */
  readonly #end = (): void => {
    Atomics.store(this.#ended, 0, 1);
    Atomics.notify(this.#ended, 0);
  };

  #ask(range: BatchRange): void {
    const out = this.#spare.pop();
    const run = () => this.#pool.run({ range, out }, { transferList: out === undefined ? [] : buffersOf(out) });
    const answer = this.#ready === undefined ? run() : this.#ready(range).then(run);
    // After an early end nobody waits for these batches, so their errors are ignored.
    answer.catch(() => undefined);
    this.#queue.push({ range, answer });
  }
}

/** The buffers of a batch, for transfer to another thread. */
export function buffersOf({ mixup, ...arrays }: BatchArrays): ArrayBuffer[] {
  return Object.values({ ...arrays, mixLabels: mixup?.labels, mixWeights: mixup?.weights })
    .filter((array) => array !== undefined)
    .map(({ buffer }) => buffer as ArrayBuffer);
}

function isSameRange(one: BatchRange, other: BatchRange): boolean {
  return one.epoch === other.epoch && one.start === other.start && one.end === other.end;
}
