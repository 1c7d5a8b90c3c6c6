import { join } from "node:path";
import type { TrainingStore } from "../../engine/training/run-training.ts";
import { renderLossCurve } from "../../pictures/render-loss-curve.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { openTrainingStore, readTrainingLog } from "../../storage/training-store.ts";
import type { GeneratorTask } from "./model-runtime.ts";

/** Draws the loss of a training from its log, if it has one yet. */
export async function renderLoss(folder: string, batchSize: number): Promise<void> {
  const lines = await readTrainingLog(folder);
  if (lines.length > 0) await replaceBytes(join(folder, "loss.png"), await renderLossCurve(lines, batchSize));
}

/**
 * The store of a model's training, which draws the loss at each checkpoint.
 * @param options.onAccepted - called before the first checkpoint of this call is written: the training has accepted its options
 */
export function trainingStoreOf(
  folder: string,
  options: { readonly batchSize: number; readonly onAccepted: () => Promise<void> },
): TrainingStore {
  const store = openTrainingStore(folder);
  let isAccepted = false;
  return {
    ...store,
    save: async (checkpoint, step) => {
      if (!isAccepted) await options.onAccepted();
      isAccepted = true;
      await store.save(checkpoint, step);
      await renderLoss(folder, options.batchSize);
    },
  };
}

/** Keeps pictures and averaged weights of a generator's training in its folder. */
export function generatorFilesOf(
  folder: string,
  { batchSize, stepsPerCheckpoint }: { readonly batchSize: number; readonly stepsPerCheckpoint: number },
): Pick<GeneratorTask, "saveGrid" | "saveEma"> {
  return {
    saveGrid: async (png, step) => {
      await replaceBytes(join(folder, `grid-${String(step).padStart(9, "0")}.png`), png);
    },
    saveEma: async (weights, key, step) => {
      await replaceBytes(join(folder, `ema-${key}.safetensors`), weights);
      const images = step * batchSize;
      if (doublingsOf(images) === doublingsOf(images - stepsPerCheckpoint * batchSize)) return;
      await replaceBytes(join(folder, `ema-${key}.${String(images).padStart(9, "0")}.safetensors`), weights);
    },
  };
}

/**
 * Number of times that the first 100,000 images have doubled. The weights at each doubling are kept, as guides and as a
 * record of the training.
 */
function doublingsOf(images: number): number {
  return images < 100_000 ? 0 : 1 + Math.floor(Math.log2(images / 100_000));
}
