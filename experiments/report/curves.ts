import { canonicalJson } from "../../storage/canonical-json.ts";
import { describeNetwork, describeWorld } from "../label-of-run.ts";
import type { RunResult } from "../results.ts";

/** Soft error after some steps, over the trials of one setting. */
export interface CurvePoint {
  readonly network: string;
  /** The augmentation, the pretraining and other differences between settings of one network, such as `crop-flip`. */
  readonly setting: string;
  readonly world: string;
  readonly set: string;
  readonly step: number;
  readonly softError: number;
  readonly lowest: number;
  readonly highest: number;
  /** The point in words. */
  readonly text: string;
}

/**
 * Mean and range over trials of every curve, for charts. Steps at which some trials were not evaluated are left out.
 */
export function curvesOf(runs: readonly RunResult[]): CurvePoint[] {
  const describeSetting = settingNamer(runs);
  const groups = new Map<string, RunResult[]>();
  for (const run of runs) {
    const key = canonicalJson({ ...run.options, seed: 0 });
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].flatMap((trials) => {
    const { options } = trials[0]!;
    const names = {
      network: describeNetwork(options),
      setting: describeSetting(options),
      world: describeWorld(options),
    };
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
      const softError = softErrors.reduce((total, value) => total + value, 0) / softErrors.length;
      return {
        ...names,
        set,
        step: Number(step),
        softError,
        text: `${names.network}, ${names.setting}, ${names.world} world, step ${step}: soft error ${softError.toFixed(3)}`,
        lowest: Math.min(...softErrors),
        highest: Math.max(...softErrors),
      };
    });
  });
}

/**
 * Names the settings of some runs by what is done to the data or the weights before training. Loss and optimizer are
 * named if runs of one network differ in them.
 */
export function settingNamer(runs: readonly RunResult[]): (options: RunResult["options"]) => string {
  const used = new Map<string, { readonly losses: Set<string>; readonly optimizers: Set<string> }>();
  for (const { options } of runs) {
    const network = describeNetwork(options);
    const { losses, optimizers } = used.get(network) ?? { losses: new Set(), optimizers: new Set() };
    used.set(network, { losses: losses.add(options.loss), optimizers: optimizers.add(options.optimizer.name) });
  }
  return (options) => {
    const { augmentation, pretraining, labelNoise, optimizer, loss } = options;
    const { losses, optimizers } = used.get(describeNetwork(options))!;
    const parts = [
      augmentation === "none" ? "no augmentation" : augmentation,
      pretraining === undefined ? "" : `pretrained on ${pretraining.task}`,
      labelNoise === undefined ? "" : `label noise ${labelNoise.rate}`,
      losses.size > 1 ? loss : "",
      optimizers.size > 1 ? optimizer.name : "",
    ];
    return parts.filter((part) => part !== "").join(", ");
  };
}
