import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { fillNormals, randomStreams } from "../../core/random.ts";
import type { Engine } from "../../engine/executor.ts";
import { forEachBatch } from "../../engine/for-each-batch.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import { type Denoiser, denoiserGuidedWhere, guidedDenoiser, withoutClass } from "../denoiser.ts";
import type { SamplerOptions } from "./options.ts";
import { planTrajectory } from "./plan-trajectory.ts";
import { buildSamplerGraph } from "./sampler-graph.ts";
import { guidanceAt, requireSamplerOptions } from "./sampler-options.ts";
import { cutTrajectory, needsNoise, tableOf } from "./trajectory-table.ts";

/** Numbers per image. */
const imageSize = imageBytes;
/** The maximum number of calls per run if calls add noise: the noise of a call takes 12 kB per image. */
const mostNoisyCalls = 50;

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
  const runs = cutTrajectory(trajectory, isNoisy ? mostNoisyCalls : trajectory.calls.length);
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

  /** Fresh noise for the calls of a run, float32 [calls, images, 3, 32, 32]. */
  const noiseOf = (ids: readonly number[], start: number, end: number) => {
    const noise = new Float32Array(callsPerRun * ids.length * imageSize);
    for (let call = start; call < end; call++) {
      if (table.rows[call]![noiseColumn] === 0) continue;
      ids.forEach((id, index) => {
        const from = ((call - start) * ids.length + index) * imageSize;
        const source = { seed, stream: randomStreams.stepNoise, id, skip: call * imageSize };
        fillNormals(source, noise.subarray(from, from + imageSize));
      });
    }
    return noise;
  };

  const sampleBatch = async (ids: readonly number[], classes: readonly number[]) => {
    const shape = [ids.length, 3, 32, 32];
    let x = new Float32Array(ids.length * imageSize);
    ids.forEach((id, index) => {
      const part = x.subarray(index * imageSize, (index + 1) * imageSize);
      fillNormals({ seed, stream: randomStreams.sampleNoise, id }, part);
    });
    x = x.map((value) => value * trajectory.start);
    for (const [start, end] of runs) {
      const rows = new Float32Array(callsPerRun * table.columns.length);
      rows.set(table.rows.slice(start, end).flat());
      const results = await executable.run({
        x: { dtype: "float32", shape, data: x },
        classes: tensorData("int64", [ids.length], classes),
        rows: { dtype: "float32", shape: [callsPerRun, table.columns.length], data: rows },
        numCalls: tensorData("int64", [], [end - start]),
        ...(isNoisy
          ? { noise: { dtype: "float32", shape: [callsPerRun, ...shape], data: noiseOf(ids, start, end) } }
          : {}),
      });
      if (results["isFinite"]!.data[0] === 0) throw notFinite(ids);
      if (end === trajectory.calls.length) return results["images"]!.data as Uint8Array;
      x = results["next"]!.data as Float32Array<ArrayBuffer>;
    }
    throw new Error("a trajectory has at least one run");
  };

  return {
    batchSize: batchSize * concurrency,
    nfe:
      trajectory.calls.length + (guidance === 1 ? 0 : trajectory.calls.filter(({ sigma }) => isGuided(sigma)).length),
    numClasses,
    sample: async ({ ids, classes }) => {
      const images = new Uint8Array(ids.length * imageSize);
      await forEachBatch({ numItems: ids.length, batchSize, concurrency }, async (start, end) => {
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
    close: () => executable.release(),
  };
}

function notFinite(ids: readonly number[]): Cifar5mError {
  return new Cifar5mError(
    "model/wrong-result",
    `the generator must make finite images, got NaN or infinity among the ids ${ids[0]} to ${ids.at(-1)}. ` +
      "Use other weights, or --precision float32.",
  );
}
