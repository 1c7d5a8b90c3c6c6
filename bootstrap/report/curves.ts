import { canonicalJson } from "../../shards/index.ts";
import { describeNetwork, describeWorld } from "../describe-run.ts";
import type { RunResult } from "../results.ts";

/** Soft error after some steps, over the trials of one setting. */
export interface CurvePoint {
  readonly network: string;
  /** Augmentation, pretraining and whatever else distinguishes settings of a network, such as `crop-flip`. */
  readonly setting: string;
  readonly world: string;
  readonly set: string;
  readonly step: number;
  readonly softError: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Mean and range over trials of every curve, for charts. Steps at which not all trials were looked at are left out. */
export function curvesOf(runs: readonly RunResult[]): CurvePoint[] {
  const describeSetting = settingNamer(runs);
  const groups = new Map<string, RunResult[]>();
  for (const run of runs) {
    const key = canonicalJson({ ...run.options, seed: 0 });
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].flatMap((trials) => {
    const { options } = trials[0]!;
    const values = new Map<string, number[]>();
    for (const { rows } of trials) {
      for (const { set, step, softError } of rows) {
        const key = `${set} ${step}`;
        values.set(key, [...(values.get(key) ?? []), softError]);
      }
    }
    return [...values].flatMap(([key, softErrors]) => {
      if (softErrors.length < trials.length) return [];
      const [set, step] = key.split(" ") as [string, string];
      return {
        network: describeNetwork(options),
        setting: describeSetting(options),
        world: describeWorld(options),
        set,
        step: Number(step),
        softError: softErrors.reduce((total, value) => total + value, 0) / softErrors.length,
        lowest: Math.min(...softErrors),
        highest: Math.max(...softErrors),
      };
    });
  });
}

/**
 * Names the settings of some runs: by what is done to the data or the weights before training, and by loss and optimizer
 * where runs of one network differ in them.
 */
export function settingNamer(runs: readonly RunResult[]): (options: RunResult["options"]) => string {
  const differ = (of: RunResult["options"], read: (options: RunResult["options"]) => string) => {
    const same = runs.filter(({ options }) => describeNetwork(options) === describeNetwork(of));
    return new Set(same.map(({ options }) => read(options))).size > 1;
  };
  return (options) => {
    const { augmentation, pretraining, labelNoise, optimizer, loss } = options;
    const parts = [
      augmentation === "none" ? "no augmentation" : augmentation,
      pretraining === undefined ? "" : `pretrained on ${pretraining.task}`,
      labelNoise === undefined ? "" : `label noise ${labelNoise.rate}`,
      differ(options, (each) => each.loss) ? loss : "",
      differ(options, (each) => each.optimizer.name) ? optimizer.name : "",
    ];
    return parts.filter((part) => part !== "").join(", ");
  };
}
