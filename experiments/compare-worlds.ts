import { z975 as z } from "../core/normal-quantile.ts";
import { canonicalJson } from "../storage/canonical-json.ts";
import { trainSetName } from "./experiment-data.ts";
import type { RunResult } from "./results.ts";
import type { RunOptions } from "./run-options.ts";
import type { MetricsRow } from "./train-run.ts";

/** The train soft error below which the paper considers the real world converged. */
export const convergedSoftError = 0.01;

/** A mean over trials. */
export interface Estimate {
  readonly mean: number;
  /** Half the width of its 95% confidence interval (Student's t); undefined for a single trial. */
  readonly margin: number | undefined;
  readonly numTrials: number;
}

/** The comparison of both worlds in one setting. */
export interface Comparison {
  /** The options that both worlds share; `numSamples` is the real world's. */
  readonly options: RunOptions;
  /** Name of the evaluated images. */
  readonly set: string;
  /** Number of trials in which the real world's train soft error fell to 1%, and the mean step at which it did; see `step`. */
  readonly numConverged: number;
  readonly convergedStep: number | undefined;
  /**
   * Mean step at which the worlds are compared: in each trial the step where the real world converged, otherwise its last. The
   * former lies between evaluations: there soft errors are interpolated, that of the train images by its logarithm.
   */
  readonly step: number;
  /** Soft error of the real world on the train images at that step. */
  readonly trainSoftError: Estimate;
  /** Soft error on `set` at that step. */
  readonly real: Estimate;
  readonly ideal: Estimate;
  /** The bootstrap gap: soft error real − ideal, negative where the real world is better. */
  readonly gap: Estimate;
  /** Soft error after the last step of each world. */
  readonly finalReal: Estimate;
  readonly finalIdeal: Estimate;
}

/**
 * Compares runs that differ only in the world, trial by trial.
 * @see Nakkiran, Neyshabur, Sedghi 2021, arXiv:2010.08127, section 2: the bootstrap error is what the real world's error adds
 *   to the ideal world's
 */
export function compareWorlds(runs: readonly RunResult[]): Comparison[] {
  const ideals = new Map<string, RunResult>();
  for (const run of runs) if (run.options.world === "ideal") ideals.set(settingOf(run.options), run);
  const groups = new Map<string, { readonly real: RunResult; readonly ideal: RunResult }[]>();
  for (const real of runs) {
    const ideal = real.options.world === "real" ? ideals.get(settingOf(real.options)) : undefined;
    if (ideal === undefined) continue;
    const key = canonicalJson({ ...real.options, seed: 0 });
    groups.set(key, [...(groups.get(key) ?? []), { real, ideal }]);
  }
  return [...groups.values()].flatMap((pairs) => {
    const sets = [...new Set(pairs[0]!.ideal.rows.map(({ set }) => set))];
    return sets.map((set) => compare(pairs, set));
  });
}

/**
 * The mean step at which the worlds are compared, and in how many trials the real world converged, unless it did in all:
 * `219`, `300 (not converged)`, `260 (1 of 2 converged)`.
 */
export function describeStep({ step, numConverged, gap }: Pick<Comparison, "step" | "numConverged" | "gap">): string {
  const { numTrials } = gap;
  const rounded = Math.round(step);
  if (numConverged === numTrials) return String(rounded);
  return `${rounded} (${numConverged === 0 ? "not" : `${numConverged} of ${numTrials}`} converged)`;
}

/** The options that must agree if two runs are the same setting in two worlds. */
function settingOf({ world: _, numSamples: __, stopBelow: ___, shuffle: ____, ...rest }: RunOptions): string {
  // The ideal world has no train images to be evaluated on.
  const { trainSamples: _____, ...evaluation } = rest.evaluation;
  return canonicalJson({ ...rest, evaluation });
}

function compare(pairs: readonly { readonly real: RunResult; readonly ideal: RunResult }[], set: string): Comparison {
  const points = pairs.map(({ real, ideal }) => {
    const converged = convergedStep(real.rows.filter((row) => row.set === trainSetName));
    const last = real.rows.at(-1)!.step;
    const step = converged ?? last;
    return {
      converged,
      step,
      // Between evaluations it is the logarithm that is linear.
      train: Math.min(
        softErrorAt(real.rows, trainSetName, step),
        converged === undefined ? Number.POSITIVE_INFINITY : convergedSoftError,
      ),
      real: softErrorAt(real.rows, set, step),
      ideal: softErrorAt(ideal.rows, set, step),
      finalReal: softErrorAt(real.rows, set, last),
      finalIdeal: softErrorAt(ideal.rows, set, ideal.rows.at(-1)!.step),
    };
  });
  const converged = points.flatMap((point) => point.converged ?? []);
  return {
    options: { ...pairs[0]!.real.options, seed: 0 },
    set,
    numConverged: converged.length,
    convergedStep: converged.length === 0 ? undefined : meanOf(converged),
    step: meanOf(points.map(({ step }) => step)),
    trainSoftError: estimate(points.map(({ train }) => train)),
    real: estimate(points.map(({ real }) => real)),
    ideal: estimate(points.map(({ ideal }) => ideal)),
    gap: estimate(points.map(({ real, ideal }) => real - ideal)),
    finalReal: estimate(points.map(({ finalReal }) => finalReal)),
    finalIdeal: estimate(points.map(({ finalIdeal }) => finalIdeal)),
  };
}

/**
 * The step at which the train soft error falls to 1%, between two evaluations: there its logarithm is taken as linear in the
 * step. Undefined if it never does.
 */
function convergedStep(rows: readonly MetricsRow[]): number | undefined {
  const index = rows.findIndex(({ softError }) => softError <= convergedSoftError);
  const [before, after] = [rows[index - 1], rows[index]];
  if (after === undefined || before === undefined || after.softError === convergedSoftError) return after?.step;
  // A soft error of exactly 0 has no logarithm.
  const depth = (softError: number) => Math.log(Math.max(softError, Number.MIN_VALUE));
  const share =
    (depth(before.softError) - depth(convergedSoftError)) / (depth(before.softError) - depth(after.softError));
  return before.step + share * (after.step - before.step);
}

/** Soft error at a step: linear between two evaluations, and after the last one that of the last. */
function softErrorAt(rows: readonly MetricsRow[], set: string, step: number): number {
  const ofSet = rows.filter((row) => row.set === set);
  const before = ofSet.findLast((row) => row.step <= step);
  const after = ofSet.find((row) => row.step > step);
  if (before === undefined || after === undefined) return before?.softError ?? Number.NaN;
  const share = (step - before.step) / (after.step - before.step);
  return before.softError + share * (after.softError - before.softError);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** The mean of some trials, with its 95% margin. */
export function estimate(values: readonly number[]): Estimate {
  const mean = meanOf(values);
  const numTrials = values.length;
  if (numTrials < 2) return { mean, margin: undefined, numTrials };
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / (numTrials - 1);
  return { mean, margin: studentT95(numTrials - 1) * Math.sqrt(variance / numTrials), numTrials };
}

const studentT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
] as const;

/** The 97.5% quantile of Student's t, from 15 degrees of freedom on by Cornish and Fisher's expansion. */
function studentT95(degrees: number): number {
  return (
    studentT[degrees - 1] ?? z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2)
  );
}
