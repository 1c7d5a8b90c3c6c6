import type { TrainingStore } from "../../engine/training/run-training.ts";

/** Keeps the newest checkpoint of a training, and the steps of all. */
export function memoryStore(): TrainingStore & { readonly savedSteps: number[] } {
  let checkpoint: Uint8Array | undefined;
  const savedSteps: number[] = [];
  return {
    savedSteps,
    load: async () => checkpoint,
    save: async (bytes, step) => {
      checkpoint = bytes.slice();
      savedSteps.push(step);
    },
    log: async () => {},
  };
}
