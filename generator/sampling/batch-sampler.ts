import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { randomStreams } from "../../core/random.ts";
import type { Executable } from "../../engine/executor.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { BatchBufferPool } from "./noise/batch-buffers.ts";
import { NoiseMaker } from "./noise/noise-maker.ts";
import type { PlannedRuns } from "./plan-runs.ts";

/** Numbers per image. */
const imageSize = imageBytes;

export interface BatchSamplerParts {
  /** The graph of `buildSamplerGraph` for the same runs and batch size. */
  readonly executable: Executable;
  readonly planned: PlannedRuns;
  /** Noise level of the first call. */
  readonly firstSigma: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Threads of the whole computation. */
  readonly numThreads: number;
}

/** Samples whole batches. It owns the compiled graph, the threads that make noise, and the buffers for noise. */
export class BatchSampler {
  /** Batches that should be in progress at the same time. */
  readonly numBatches: number;
  readonly #parts: BatchSamplerParts;
  readonly #noise: NoiseMaker;
  readonly #pool: BatchBufferPool;
  /** Index of the table's column that says how much fresh noise a call adds. */
  readonly #noiseColumn: number;

  constructor(parts: BatchSamplerParts) {
    const { executable, planned, batchSize, numThreads } = parts;
    this.#parts = parts;
    // A batch more for every few that the device works on: its noise is made while it waits.
    this.numBatches = executable.concurrency + Math.ceil(executable.concurrency / 4);
    this.#noiseColumn = planned.table.columns.findIndex((column) => column.of === "next" && column.term === "noise");
    this.#noise = new NoiseMaker(numThreads);
    this.#pool = new BatchBufferPool(this.numBatches, batchSize, planned.isNoisy ? planned.callsPerRun : 0);
  }

  /**
   * @param ids - as many sample ids as images in a batch
   * @param classes - their classes; ignored if sampling is unconditional
   * @returns uint8 [batchSize, 32, 32, 3] flattened
   * @throws Cifar5mError `model/wrong-result` for images that are not finite
   */
  async sample(ids: readonly number[], classes: readonly number[]): Promise<Uint8Array> {
    const { planned, firstSigma, seed } = this.#parts;
    const { runs, isNoisy } = planned;
    const buffers = await this.#pool.take();
    /** The noise of the next run is made while the device computes. */
    let coming = isNoisy ? this.#fillCalls(0, ids, buffers.calls[0]) : Promise.resolve();
    try {
      let x = buffers.start;
      await this.#noise.fill({
        seed,
        stream: randomStreams.sampleNoise,
        ids,
        skips: [0],
        factor: firstSigma,
        out: x,
      });
      for (const run of runs.keys()) {
        await coming;
        if (isNoisy && run + 1 < runs.length) {
          coming = this.#fillCalls(run + 1, ids, buffers.calls[((run + 1) % 2) as 0 | 1]);
        }
        const results = await this.#run(run, x, buffers.calls[(run % 2) as 0 | 1], classes);
        if (results["isFinite"]!.data[0] === 0) throw notFinite(ids);
        if (run === runs.length - 1) return results["images"]!.data as Uint8Array;
        x = results["next"]!.data as Float32Array;
      }
      throw new Error("a trajectory has at least one run");
    } finally {
      await Promise.allSettled([coming]);
      this.#pool.give(buffers);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#parts.executable.release();
    } finally {
      await this.#noise.close();
    }
  }

  /** Makes fresh noise for the calls of a run. An error shows where the noise is awaited, not before. */
  #fillCalls(run: number, ids: readonly number[], out: Float32Array): Promise<void> {
    const { planned, seed } = this.#parts;
    const [start, end] = planned.runs[run]!;
    const skips = planned.table.rows
      .slice(start, end)
      .map((row, index) => (row[this.#noiseColumn] === 0 ? undefined : (start + index) * imageSize));
    const filling = this.#noise.fill({ seed, stream: randomStreams.stepNoise, ids, skips, factor: 1, out });
    filling.catch(() => undefined);
    return filling;
  }

  /** Runs the graph once. @param noise - float32 [callsPerRun, batchSize, 3, 32, 32] flattened, if calls add noise */
  async #run(run: number, x: Float32Array, noise: Float32Array, classes: readonly number[]) {
    const { executable, planned } = this.#parts;
    const { table, callsPerRun, isNoisy } = planned;
    const [start, end] = planned.runs[run]!;
    const shape = [classes.length, 3, 32, 32];
    const rows = new Float32Array(callsPerRun * table.columns.length);
    rows.set(table.rows.slice(start, end).flat());
    return await executable.run({
      x: { dtype: "float32", shape, data: x },
      classes: tensorData("int64", [classes.length], classes),
      rows: { dtype: "float32", shape: [callsPerRun, table.columns.length], data: rows },
      numCalls: tensorData("int64", [], [end - start]),
      ...(isNoisy ? { noise: { dtype: "float32", shape: [callsPerRun, ...shape], data: noise } } : {}),
    });
  }
}

function notFinite(ids: readonly number[]): Cifar5mError {
  return new Cifar5mError(
    "model/wrong-result",
    `the generator must make finite images, got NaN or infinity among the ids ${ids[0]} to ${ids.at(-1)}. ` +
      "Use other weights, or --precision float32.",
  );
}
