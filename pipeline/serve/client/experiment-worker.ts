/** Trains both worlds of a live experiment, beside the page. A classic worker, which loads TensorFlow.js as installed. */

import "./without-eval.ts";

import type * as TensorFlow from "@tensorflow/tfjs";
import { messageOf } from "../../../core/errors.ts";
import { hashBytes } from "../../../shards/browser/hash-bytes.ts";
import { openDataset } from "../../../shards/browser/open-dataset.ts";
import type { Batch } from "../../../shards/loader/batch.ts";
import { inOurWords, unreachableText } from "./ask.ts";
import {
  type ExperimentPlan,
  loaderOptionsOf,
  type WorkerMessage,
  type WorkerTask,
  type WorldName,
  worldNames,
} from "./experiment-plan.ts";
import { trustedScript } from "./trusted-script.ts";
import { WorldModel } from "./world-model.ts";

declare function importScripts(url: string): void;
declare const tf: typeof TensorFlow;

/** Images that errors are measured on, and of the real world as many that it has trained on. */
const maxMeasured = 400;
/** Points of a curve. */
const numPoints = 25;

const tell = (message: WorkerMessage) => postMessage(message);

self.addEventListener("message", ({ data }: MessageEvent<WorkerTask>) => {
  run(data)
    .catch(inOurWords)
    .catch((thrown: unknown) => tell({ kind: "failed", message: messageOf(thrown) }));
});

function loadTensorFlow(): void {
  const script = trustedScript(new URL("tf.es2017.min.js", self.location.href).href);
  try {
    importScripts(script());
  } catch (cause) {
    throw new Error(`TensorFlow.js cannot be loaded. ${unreachableText}`, { cause });
  }
}

async function run({ location, plan, measuredOn }: WorkerTask): Promise<void> {
  loadTensorFlow();
  const train = await openDataset(location);
  const numClasses = train.classNames.length;
  const measured = train.split(measuredOn);
  const numMeasured = Math.min(maxMeasured, measured.numSamples);
  const testSet = await measured.readImages(Uint32Array.from({ length: numMeasured }, (_, row) => row));
  const backend = await chooseBackend(plan, numClasses);
  tell({ kind: "ready", backend, numMeasured });
  const worlds = worldNames.map((name) => {
    const batches = train.loader(loaderOptionsOf(plan, name))[Symbol.asyncIterator]();
    return {
      name,
      batches,
      model: new WorldModel(tf, plan, numClasses),
      ids: new Float64Array(plan.numBatches * plan.batchSize),
    };
  });
  const seen: Batch<Uint8Array>[] = [];
  const every = Math.max(1, Math.floor(plan.numBatches / numPoints));
  for (let step = 0; step <= plan.numBatches; step++) {
    if (step % every === 0 || step === plan.numBatches) {
      for (const { name, model } of worlds) {
        const { softError, error } = await model.measure(testSet);
        const trainSoftError =
          name === "real" && seen.length > 0 ? (await model.measure(joinBatches(seen))).softError : undefined;
        tell({ kind: "point", point: { world: name, numBatches: step, softError, error, trainSoftError } });
      }
    }
    if (step === plan.numBatches) break;
    for (const { name, batches, model, ids } of worlds) {
      const { value, done } = await batches.next();
      if (done === true) throw new Error(`the ${name} world has no batch ${step}`);
      ids.set(value.ids, step * plan.batchSize);
      if (name === "real" && seen.length * plan.batchSize < Math.min(maxMeasured, plan.numSamples)) seen.push(value);
      model.train(value, step);
    }
  }
  const hashes = await Promise.all(worlds.map(async ({ name, ids }) => [name, await describeIds(ids)] as const));
  tell({ kind: "done", ids: Object.fromEntries(hashes) as Record<WorldName, Awaited<ReturnType<typeof describeIds>>> });
}

/** The faster of the backends that work here: a GPU's is slower than the CPU's where software stands in for the GPU. */
async function chooseBackend(plan: ExperimentPlan, numClasses: number): Promise<string> {
  const timed: { readonly name: string; readonly ms: number }[] = [];
  for (const name of ["webgl", "cpu"]) {
    if (!(await tf.setBackend(name).catch(() => false))) continue;
    const model = new WorldModel(tf, plan, numClasses);
    const batch = { images: new Uint8Array(plan.batchSize * 3072), labels: new Int32Array(plan.batchSize) };
    // The first step compiles; what is timed ends with a result on our side.
    model.train(batch, 0);
    await model.measure(batch);
    const start = performance.now();
    for (let step = 1; step <= 2; step++) model.train(batch, step);
    await model.measure(batch);
    timed.push({ name, ms: performance.now() - start });
    model.dispose();
  }
  const best = timed.reduce((fastest, one) => (one.ms < fastest.ms ? one : fastest));
  await tf.setBackend(best.name);
  return best.name;
}

function joinBatches(batches: readonly Batch<Uint8Array>[]) {
  const images = new Uint8Array(batches.reduce((sum, batch) => sum + batch.images.length, 0));
  const labels = new Int32Array(images.length / 3072);
  let row = 0;
  for (const batch of batches) {
    images.set(batch.images, row * 3072);
    labels.set(batch.labels, row);
    row += batch.labels.length;
  }
  return { images, labels };
}

async function describeIds(ids: Float64Array<ArrayBuffer>) {
  return { count: ids.length, sha256: await hashBytes(new Uint8Array(ids.buffer)), first: [...ids.subarray(0, 8)] };
}
