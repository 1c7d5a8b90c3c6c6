import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { availableThreads } from "../../engine/available-threads.ts";
import type { Engine } from "../../engine/executor.ts";
import { forEachBatch } from "../../engine/for-each-batch.ts";
import type { Denoiser } from "../denoiser.ts";
import { BatchSampler } from "./batch-sampler.ts";
import { resolveGuidance } from "./guidance.ts";
import type { SamplerOptions } from "./options.ts";
import { planRuns } from "./plan-runs.ts";
import { planTrajectory } from "./plan-trajectory.ts";
import { buildSamplerGraph } from "./sampler-graph.ts";
import { requireSamplerOptions } from "./sampler-options.ts";

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
  const { batchSize, conditional } = options;
  const { isGuidedAt, denoiserOf } = resolveGuidance(options, denoiser, weaker);
  const trajectory = planTrajectory(options);
  const planned = planRuns(trajectory, { batchSize, isGuidedAt });
  const graph = buildSamplerGraph({
    denoiserOf,
    batchSize,
    isConditional: conditional,
    columns: planned.table.columns,
    callsPerRun: planned.callsPerRun,
    isNoisy: planned.isNoisy,
  });
  const executable = await engine.compile(graph, "throughput");
  const batches = new BatchSampler({ executable, planned, firstSigma: trajectory.start, batchSize, seed, numThreads });
  const { calls } = trajectory;
  return {
    batchSize: batchSize * executable.concurrency,
    nfe: calls.length + (isGuidedAt === undefined ? 0 : calls.filter(({ sigma }) => isGuidedAt(sigma)).length),
    numClasses,
    sample: async ({ ids, classes }) => {
      const images = new Uint8Array(ids.length * imageBytes);
      await forEachBatch({ numItems: ids.length, batchSize, concurrency: batches.numBatches }, async (start, end) => {
        // A short batch is filled up with its last image.
        const indices = Array.from({ length: batchSize }, (_, offset) => Math.min(start + offset, end - 1));
        const batch = await batches.sample(
          indices.map((index) => ids[index]!),
          indices.map((index) => (conditional ? classes[index]! : 0)),
        );
        images.set(batch.subarray(0, (end - start) * imageBytes), start * imageBytes);
      });
      return images;
    },
    close: () => batches.close(),
  };
}
