import type { TopLevelSpec } from "vega-lite";
import type { Comparison } from "../compare-worlds.ts";
import { trainSetName } from "../experiment-data.ts";
import { runNamer } from "../name-runs.ts";
import type { RunResult } from "../results.ts";
import { type CurvePoint, curvesOf } from "./curves.ts";

/** A figure of the report. */
export interface Figure {
  /** Name of its files, without the extension. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly spec: TopLevelSpec;
}

const panel = { width: 240, height: 200 };
const steps = {
  field: "step",
  type: "quantitative",
  title: "SGD steps",
  scale: { type: "log", nice: false },
  axis: { format: "~s", tickCount: 4, grid: false },
} as const;
/** Legends show names whole: two of them may differ only at the end. */
const legend = { labelLimit: 0 };
const world = { field: "world", title: "world", type: "nominal", sort: "descending", legend } as const;
/** What a point says when a mouse rests on it, and to screen readers. */
const pointText = { field: "text", type: "nominal" } as const;
const setting = { field: "setting", title: "setting", type: "nominal", legend } as const;

/** One panel per network, three per row, or two if the last row would have a single panel. */
function networkFacet(curves: readonly CurvePoint[]) {
  const numNetworks = new Set(curves.map(({ network }) => network)).size;
  return {
    facet: { field: "network", type: "nominal", title: null, header: { labelFontWeight: "bold" } },
    columns: numNetworks === 4 ? 2 : 3,
  } as const;
}

/** Filter that keeps the measured points of curves. */
const measured = [{ filter: "isValid(datum.softError)" }];

/**
 * The article's figures, as far as an experiment has their data.
 * @param comparisons - comparisons of these runs
 * @param set - name of the images that soft errors are computed on
 */
export function figuresOf(runs: readonly RunResult[], comparisons: readonly Comparison[], set = "test"): Figure[] {
  // Step 0 has no position on a logarithmic axis.
  const curves = curvesOf(runs).filter(({ step }) => step > 0);
  const tested = curves.filter((point) => point.set === set);
  const points = comparedPoints(runs, comparisons, set);
  const figures = [worldsFigure(tested, points, set)];
  if (points.length > 0) figures.push(scatterFigure(points, set));
  const trained = curves.filter((point) => point.set === trainSetName);
  const fresh = tested.filter(({ world: of }) => of === "ideal");
  if (trained.length > 0 && fresh.length > 0) figures.push(speedFigure(fresh, trained, set));
  return figures;
}

/** @see arXiv:2010.08127, figure 2 */
function worldsFigure(curves: readonly CurvePoint[], points: readonly ComparedPoint[], set: string): Figure {
  return {
    name: "real-and-ideal",
    title: "Real and ideal world",
    caption:
      `Soft error on ${set} images while training: the real world reuses N samples, the ideal world sees fresh ones at every step. ` +
      "Lines are means over trials, bands reach from the lowest to the highest; a dot is where the real world's train soft error reaches 1%.",
    spec: {
      data: { values: [...curves, ...points.filter(({ converged }) => converged === "yes")] },
      ...networkFacet(curves),
      spec: {
        ...panel,
        layer: [
          {
            transform: [{ filter: "isValid(datum.real)" }],
            mark: { type: "point", filled: true, opacity: 1, size: 60 },
            encoding: { x: steps, y: { field: "real", type: "quantitative" }, color: setting },
          },
          {
            transform: measured,
            mark: { type: "area", opacity: 0.15 },
            encoding: {
              x: steps,
              y: { field: "lowest", type: "quantitative", title: `soft error, ${set}` },
              y2: { field: "highest" },
              color: setting,
              detail: world,
            },
          },
          {
            transform: measured,
            mark: { type: "line", strokeWidth: 1.8 },
            encoding: {
              x: steps,
              y: { field: "softError", type: "quantitative", scale: { zero: false } },
              color: setting,
              strokeDash: world,
            },
          },
          {
            transform: measured,
            mark: { type: "point", filled: true, size: 22 },
            encoding: {
              x: steps,
              y: { field: "softError", type: "quantitative" },
              color: setting,
              shape: world,
              description: pointText,
            },
          },
        ],
      },
    },
  };
}

/** Soft errors of both worlds at the step where they are compared. */
interface ComparedPoint {
  readonly network: string;
  readonly setting: string;
  readonly world: string;
  readonly step: number;
  readonly real: number;
  readonly ideal: number;
  readonly converged: "yes" | "no";
  readonly text: string;
}

function comparedPoints(runs: readonly RunResult[], comparisons: readonly Comparison[], set: string): ComparedPoint[] {
  const nameOf = runNamer(runs);
  return comparisons
    .filter((comparison) => comparison.set === set)
    .map(({ options, step, real, ideal, numConverged }) => {
      const { network, setting, world } = nameOf(options);
      return {
        network,
        setting,
        world,
        step,
        real: real.mean,
        ideal: ideal.mean,
        converged: numConverged === real.numTrials ? "yes" : "no",
        text: `${network}, ${setting}, ${world}: soft error ${formatError(real.mean)}, of the ideal world ${formatError(ideal.mean)}`,
      };
    });
}

/** @see arXiv:2010.08127, figure 1 */
function scatterFigure(values: readonly ComparedPoint[], set: string): Figure {
  const all = values.flatMap(({ real, ideal }) => [real, ideal]);
  // Not spread: an experiment may have more settings than a function takes arguments.
  const low = all.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY) - 0.02;
  const high = all.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY) + 0.02;
  const scale = { domain: [low, high], nice: false };
  return {
    name: "diagonal",
    title: "Where the real world ends",
    caption:
      `Soft error on ${set} images in both worlds after as many steps as the real world took to converge (train soft error 1%), or after all where it did not. ` +
      "On the diagonal both worlds are equal: what a network learns in the real world is what it learns from fresh samples in the same time.",
    spec: {
      width: 320,
      height: 320,
      layer: [
        {
          data: { values: [low, high].map((value) => ({ value })) },
          mark: { type: "line", color: "#999", strokeDash: [4, 4] },
          encoding: {
            x: { field: "value", type: "quantitative", scale },
            y: { field: "value", type: "quantitative", scale },
          },
        },
        {
          data: { values: [...values] },
          mark: { type: "point", filled: true, size: 90 },
          encoding: {
            x: { field: "ideal", type: "quantitative", title: "ideal world", scale },
            y: { field: "real", type: "quantitative", title: "real world", scale },
            color: { field: "network", type: "nominal", legend },
            shape: setting,
            description: pointText,
            opacity: {
              field: "converged",
              type: "ordinal",
              title: "converged",
              scale: { domain: ["yes", "no"], range: [1, 0.45] },
            },
          },
        },
      ],
    },
  };
}

/** @see arXiv:2010.08127, figures 5 and 6 */
function speedFigure(fresh: readonly CurvePoint[], trained: readonly CurvePoint[], set: string): Figure {
  const view = (values: readonly CurvePoint[], title: string): object => ({
    title: { text: title, anchor: "start" },
    data: { values: [...values] },
    ...networkFacet(values),
    spec: {
      ...panel,
      mark: { type: "line", strokeWidth: 1.8 },
      encoding: {
        x: steps,
        y: { field: "softError", type: "quantitative", title: "soft error", scale: { zero: false } },
        color: setting,
        strokeDash: world,
      },
    },
  });
  return {
    name: "two-speeds",
    title: "What augmentation and pretraining do",
    caption:
      "Good choices learn fast from fresh samples (above: lower is better) without making the samples at hand easy too soon (below: " +
      "later is better, since the real world follows the ideal one until its train error is gone).",
    spec: {
      vconcat: [
        view(fresh, `Ideal world: soft error on ${set} images`),
        view(trained, "Real world: soft error on its train images"),
      ],
      resolve: { scale: { color: "shared", strokeDash: "shared" } },
    } as TopLevelSpec,
  };
}

/** `0.412` */
function formatError(softError: number): string {
  return softError.toFixed(3);
}
