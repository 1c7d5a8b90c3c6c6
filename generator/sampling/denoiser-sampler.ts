import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { randomStreams } from "../../core/random.ts";
import { availableThreads } from "../../engine/available-threads.ts";
import type { Engine } from "../../engine/executor.ts";
import { forEachBatch } from "../../engine/for-each-batch.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { type Denoiser, denoiserGuidedWhere, guidedDenoiser, withoutClass } from "../denoiser.ts";
import { BatchBufferPool } from "./noise/batch-buffers.ts";
import { NoiseMaker } from "./noise/noise-maker.ts";
import type { SamplerOptions } from "./options.ts";
import { planTrajectory } from "./plan-trajectory.ts";
import { buildSamplerGraph } from "./sampler-graph.ts";
import { guidanceAt, requireSamplerOptions } from "./sampler-options.ts";
import { cutTrajectory, needsNoise, tableOf } from "./trajectory-table.ts";

/** Numbers per image. */
const imageSize = imageBytes;
/** The maximum number of calls per run if calls add noise, and the bytes that their noise may take: 12 kB per image and call. */
const mostNoisyCalls = 50;
const mostNoiseBytes = 8 << 20;

/** Which images to generate. */
export interface SampleRequest {
  /** Sample ids, integers from 0. The noise of an image is a pure function of (seed, id). */
  readonly ids: ArrayLike<number>;
  /** The conditioning class of each image; ignored if sampling is unconditional. */
  readonly classes: ArrayLike<number>;
}

/** Generates images. */
export interface Sampler {
  /** How many images to request at once for full speed. */
  readonly batchSize: number;
  /** Denoiser calls per image. */
  readonly nfe: number;
  /** Number of classes of the generator, 0 if it is unconditional. */
  readonly numClasses: number;
  /**
   * Further requests may be made before the first is fulfilled. Then the device does not wait for the caller between them.
   * @returns uint8 [n, 32, 32, 3] flattened; the bytes of an image do not depend on the other images of the request
   * @throws Cifar5mError `model/wrong-result` for images that are not finite
   */
  sample(request: SampleRequest): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface CreateDenoiserSamplerOptions {
  readonly denoiser: Denoiser;
  /** A weaker model; required if it is the guide in `options`. */
  readonly weaker?: Denoiser | undefined;
  /** Number of classes of the denoiser, 0 if it is unconditional. */
  readonly numClasses: number;
  readonly options: SamplerOptions;
  readonly seed: number;
  readonly engine: Engine;
  /** Threads of the whole computation, which do not change a byte; by default one for each core. */
  readonly numThreads?: number | undefined;
}

/**
 * Opens a sampler for any denoiser. One graph does the whole trajectory: it takes noise and returns bytes.
 * @throws Cifar5mError `config/out-of-range`, and any error of the denoiser
 */
export async function createDenoiserSampler({
  denoiser,
  weaker,
  numClasses,
  options,
  seed,
  engine,
  numThreads = availableThreads(),
}: CreateDenoiserSamplerOptions): Promise<Sampler> {
  requireSamplerOptions(options);
  if (options.conditional && numClasses === 0) {
    throw new Cifar5mError(
      "config/out-of-range",
      "sampler.conditional must be false for this generator, which knows no classes, got true. Set it to false.",
    );
  }
  const { batchSize, guidance, conditional } = options;
  const guide = options.guide === "weaker" ? weaker : withoutClass(denoiser);
  if (guidance !== 1 && guide === undefined) {
    throw new Cifar5mError(
      "config/out-of-range",
      "sampler.guide must be unconditional for this generator, whose file holds no weaker model, got weaker. Add one with --guide FILE.",
    );
  }
  const trajectory = planTrajectory(options);
  const isGuided = guidanceAt(options);
  const table = tableOf(trajectory, guidance === 1 ? undefined : isGuided);
  const isNoisy = needsNoise(table);
  const noisyCalls = Math.max(1, Math.min(mostNoisyCalls, Math.floor(mostNoiseBytes / (4 * imageSize * batchSize))));
  const runs = cutTrajectory(trajectory, isNoisy ? noisyCalls : trajectory.calls.length);
  const callsPerRun = Math.max(...runs.map(([start, end]) => end - start));
  const graph = buildSamplerGraph({
    denoiserOf: (isGuided) => {
      if (guidance === 1) return denoiser;
      return isGuided === undefined
        ? guidedDenoiser(denoiser, guidance, guide)
        : denoiserGuidedWhere(isGuided, denoiser, guidance, guide!);
    },
    batchSize,
    isConditional: conditional,
    columns: table.columns,
    callsPerRun,
    isNoisy,
  });
  const executable = await engine.compile(graph, "throughput");
  const { concurrency } = executable;
  const noiseColumn = table.columns.findIndex((column) => column.of === "next" && column.term === "noise");

  const noise = new NoiseMaker(numThreads);
  // A batch more for every few that the device works on: its noise is made while it waits.
  const numBatches = concurrency + Math.ceil(concurrency / 4);
  const pool = new BatchBufferPool(numBatches, batchSize, isNoisy ? callsPerRun : 0);

  /** Makes fresh noise for the calls of a run. An error shows where the noise is awaited, not before. */
  const fillCalls = (run: number, ids: readonly number[], out: Float32Array) => {
    const [start, end] = runs[run]!;
    const skips = table.rows
      .slice(start, end)
      .map((row, index) => (row[noiseColumn] === 0 ? undefined : (start + index) * imageSize));
    const filling = noise.fill({ seed, stream: randomStreams.stepNoise, ids, skips, factor: 1, out });
    filling.catch(() => undefined);
    return filling;
  };

  const sampleBatch = async (ids: readonly number[], classes: readonly number[]) => {
    const buffers = await pool.take();
    /** The noise of the next run is made while the device computes. */
    let coming = isNoisy ? fillCalls(0, ids, buffers.calls[0]) : Promise.resolve();
    try {
      const shape = [ids.length, 3, 32, 32];
      let x = buffers.start;
      await noise.fill({ seed, stream: randomStreams.sampleNoise, ids, skips: [0], factor: trajectory.start, out: x });
      for (const [run, [start, end]] of runs.entries()) {
        await coming;
        if (isNoisy && run + 1 < runs.length) coming = fillCalls(run + 1, ids, buffers.calls[((run + 1) % 2) as 0 | 1]);
        const rows = new Float32Array(callsPerRun * table.columns.length);
        rows.set(table.rows.slice(start, end).flat());
        const data = buffers.calls[(run % 2) as 0 | 1];
        const results = await executable.run({
          x: { dtype: "float32", shape, data: x },
          classes: tensorData("int64", [ids.length], classes),
          rows: { dtype: "float32", shape: [callsPerRun, table.columns.length], data: rows },
          numCalls: tensorData("int64", [], [end - start]),
          ...(isNoisy ? { noise: { dtype: "float32", shape: [callsPerRun, ...shape], data } } : {}),
        });
        if (results["isFinite"]!.data[0] === 0) throw notFinite(ids);
        if (end === trajectory.calls.length) return results["images"]!.data as Uint8Array;
        x = results["next"]!.data as Float32Array;
      }
      throw new Error("a trajectory has at least one run");
    } finally {
      await Promise.allSettled([coming]);
      pool.give(buffers);
    }
  };

  return {
    batchSize: batchSize * concurrency,
    nfe:
      trajectory.calls.length + (guidance === 1 ? 0 : trajectory.calls.filter(({ sigma }) => isGuided(sigma)).length),
    numClasses,
    sample: async ({ ids, classes }) => {
      const images = new Uint8Array(ids.length * imageSize);
      await forEachBatch({ numItems: ids.length, batchSize, concurrency: numBatches }, async (start, end) => {
        // A short batch is filled up with its last image.
        const indices = Array.from({ length: batchSize }, (_, offset) => Math.min(start + offset, end - 1));
        const batch = await sampleBatch(
          indices.map((index) => ids[index]!),
          indices.map((index) => (conditional ? classes[index]! : 0)),
        );
        images.set(batch.subarray(0, (end - start) * imageSize), start * imageSize);
      });
      return images;
    },
    close: async () => {
      await executable.release();
      await noise.close();
    },
  };
}

function notFinite(ids: readonly number[]): Cifar5mError {
  return new Cifar5mError(
    "model/wrong-result",
    `the generator must make finite images, got NaN or infinity among the ids ${ids[0]} to ${ids.at(-1)}. ` +
      "Use other weights, or --precision float32.",
  );
}
