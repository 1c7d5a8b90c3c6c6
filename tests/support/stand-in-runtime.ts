import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { mirrorHwc } from "../../core/image-layout.ts";
import { fixedBatchSize } from "../../pipeline/models/fixed-batch-size.ts";
import type { ModelRuntime, TrainingTask } from "../../pipeline/models/model-runtime.ts";
import { noiseBytes } from "./make-cifar-10.ts";

/** Options of a stand-in. */
export interface StandInOptions {
  /** Images with given bytes, by id: planted copies. */
  readonly planted?: ReadonlyMap<number, Uint8Array>;
  /** Wait of every batch and training step, so that a kill can hit it. */
  readonly delayMs?: number;
}

/** Steps of a stand-in training. */
const numSteps = 12;

/** Models without a network: their output is a pure function of weights, seed, id and class, and takes no time. */
export function standInRuntime(options: StandInOptions = {}): ModelRuntime {
  const { planted, delayMs = 0 } = options;
  const wait = async () => {
    // A timer may fire a little early, and a test may rely on the whole wait.
    const endMs = performance.now() + delayMs;
    while (performance.now() < endMs) await sleep(Math.ceil(endMs - performance.now()));
  };
  return {
    requireDevice: async () => undefined,
    openSampler: async (config, weights) => ({
      nfe: config.sampler.steps,
      batchSize: fixedBatchSize(config),
      numClasses: 10,
      async sample({ ids, classes }) {
        await wait();
        return Buffer.concat(
          Array.from(ids).map((id, index) => standInImage({ ...config, weights }, id, classes[index]!, planted)),
        );
      },
      close: async () => undefined,
    }),
    openLabeler: async (config) => ({
      batchSize: config.labeling.batchSize,
      async label(images) {
        await wait();
        const numImages = images.length / 3072;
        const probabilities = new Float32Array(numImages * 10).fill(0.05);
        for (let index = 0; index < numImages; index++) {
          probabilities[index * 10 + (images[index * 3072]! % 10)] = 0.55;
        }
        return probabilities;
      },
      close: async () => undefined,
    }),
    trainingImages: {
      generator: () => numSteps,
      tuning: () => numSteps,
      adversarial: () => numSteps,
      labeler: () => numSteps,
    },
    train: {
      generator: async (task) => ({ weights: await standInTraining("generator", task, wait), figures: {} }),
      labeler: async (task) => ({ weights: await standInTraining("labeler", task, wait), figures: { accuracy: 0.5 } }),
    },
  };
}

/** The image of an id. */
export function standInImage(
  source: { readonly seed: number; readonly weights: Uint8Array },
  id: number,
  label: number,
  planted?: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  return planted?.get(id) ?? noiseBytes(`${digest(source.weights)} ${source.seed} ${id} ${label}`, 3072);
}

/** The mirror image, as a new array. */
export function mirrored(image: Uint8Array): Uint8Array {
  return mirrorHwc(Uint8Array.from(image));
}

/** Hashes the state with the data, step by step, with a checkpoint every third step. */
async function standInTraining(name: string, task: TrainingTask, wait: () => Promise<void>): Promise<Uint8Array> {
  const saved = await task.store.load();
  let { step, state }: { step: number; state: string } =
    saved === undefined ? { step: 0, state: name } : JSON.parse(Buffer.from(saved).toString());
  const imagesBefore = step;
  while (step < numSteps) {
    task.signal.throwIfAborted();
    await wait();
    step++;
    state = digest(Buffer.concat([Buffer.from(state), task.train.images]));
    await task.store.log({ step, loss: Number.parseInt(state.slice(0, 6), 16) });
    task.onProgress({ images: step, imagesBefore, imagesInAll: numSteps, loss: 1 / step });
    if (step % 3 === 0) await task.store.save(Buffer.from(JSON.stringify({ step, state })), step);
  }
  return Buffer.from(`${name} ${state}`);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
