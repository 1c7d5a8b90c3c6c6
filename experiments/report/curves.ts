import { canonicalJson } from "../../storage/canonical-json.ts";
import { runNamer } from "../name-runs.ts";
import type { RunResult } from "../results.ts";

/** Soft error after some steps, over the trials of one setting. */
export interface CurvePoint {
  readonly network: string;
  /** The options in which settings of one network differ, such as `crop-flip`. */
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
  const nameOf = runNamer(runs);
  const groups = new Map<string, RunResult[]>();
  for (const run of runs) {
    const key = canonicalJson({ ...run.options, seed: 0 });
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].flatMap((trials) => {
    const { network, setting, world } = nameOf(trials[0]!.options);
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
        network,
        setting,
        world,
        set,
        step: Number(step),
        softError,
        text: `${network}, ${setting}, world ${world}, step ${step}: soft error ${softError.toFixed(3)}`,
        lowest: Math.min(...softErrors),
        highest: Math.max(...softErrors),
      };
    });
  });
}
