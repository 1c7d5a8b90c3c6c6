import type { ShardEntry } from "../format/manifest.ts";
import type { OpenOptions } from "../open-options.ts";
import type { RowNumbers } from "../rows/row-numbers.ts";
import type { BatchArrays } from "./batch.ts";
import type { BatchRange } from "./batch-maker.ts";
import type { ResolvedOptions } from "./resolve-options.ts";

/** Everything that a worker needs to make batches; plain data. */
export interface BatchJob {
  /** Where the data set is, as it was given: with the name, password or signature in it. */
  readonly location: string;
  readonly reopen: OpenOptions;
  /** Shards of the split. A worker reads no manifest: the set may have grown since it was opened. */
  readonly entries: readonly ShardEntry[];
  /** In shared memory. */
  readonly rows: RowNumbers | undefined;
  /** Rows to serve that there were before the set grew. */
  readonly earlierRows: readonly number[];
  readonly numClasses: number;
  /** Stretches of rows that a worker keeps in memory; undefined if it reads rows one by one. */
  readonly numStretches: number | undefined;
  readonly options: ResolvedOptions;
  /** In shared memory: 1 when requests for shards must end. */
  readonly ended: Int32Array;
}

/** Makes batches ahead of the one asked for. */
export interface BatchSupply {
  /** Returns a batch, and starts the following ones. Batches must be requested in order. */
  take(range: BatchRange): Promise<BatchArrays>;
  /** Ends the requests of the workers, and waits for the batches in progress. Batches that have not started are dropped. */
  close(): Promise<void>;
}

/**
 * Starts the threads that make batches, where the platform has them.
 * @param options.nextRange - the batch after a given one, undefined at the end
 * @param options.ready - waits until the shards of a batch are on this machine, before it is given to a thread: threads
 *   that fetch for themselves would fetch each shard as often as there are threads
 * @param options.signal - ends the requests for shards; a batch that waits for one then throws its reason
 */
export type StartWorkers = (options: {
  readonly job: Omit<BatchJob, "location" | "ended">;
  readonly nextRange: (range: BatchRange) => BatchRange | undefined;
  readonly ready: ((range: BatchRange) => Promise<void>) | undefined;
  readonly signal: AbortSignal | undefined;
}) => BatchSupply;
