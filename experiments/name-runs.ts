import type { PlannedRun } from "./plan-experiment.ts";
import type { RunOptions } from "./run-options.ts";

/** The network and its size, such as `resnet18k 16` or `mlp 512×3`. */
export function describeNetwork({ network }: Pick<RunOptions, "network">): string {
  const { name, numClasses: _, dropout, ...sizes } = network;
  const numbers = Object.values(sizes).filter((value) => typeof value === "number");
  const parts = [name, numbers.join("×"), dropout > 0 ? `dropout ${dropout}` : ""];
  return parts.filter((part) => part !== "").join(" ");
}

/** The world, such as `real 5000`. */
export function describeWorld({ world, numSamples }: Pick<RunOptions, "world" | "numSamples">): string {
  return world === "real" ? `real ${numSamples}` : "ideal";
}

/** One line that distinguishes a run from the others. */
export function labelOfRun({ options }: Pick<PlannedRun, "options">): string {
  const { augmentation, pretraining, labelNoise, seed } = options;
  const parts = [
    describeNetwork(options),
    describeWorld(options),
    augmentation === "none" ? "" : augmentation,
    pretraining === undefined ? "" : `pretrained on ${pretraining.task}`,
    labelNoise === undefined ? "" : `label noise ${labelNoise.rate}`,
    `seed ${seed}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}
