import type { TopLevelSpec } from "vega-lite";
import { compareWorlds } from "../compare-worlds.ts";
import { describeNetwork, describeWorld } from "../describe-run.ts";
import { trainSetName } from "../experiment-data.ts";
import type { RunResult } from "../results.ts";
import { type CurvePoint, curvesOf, settingNamer } from "./curves.ts";

/** A figure of the report. */
export interface Figure {
  /** Name of its files, without the ending. */
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
const world = { field: "world", title: "world", type: "nominal", sort: "descending" } as const;
const setting = { field: "setting", title: "setting", type: "nominal", legend: { labelLimit: 300 } } as const;

/** Keeps the points of curves. */
const measured = [{ filter: "isValid(datum.softError)" }];

/** The article's figures, of whatever an experiment has. @param set - the images that soft errors are of */
export function figuresOf(runs: readonly RunResult[], set = "test"): Figure[] {
  // Before the first step there is no place on a logarithmic axis.
  const curves = curvesOf(runs).filter(({ step }) => step > 0);
  const tested = curves.filter((point) => point.set === set);
  const figures = [worldsFigure(tested, convergedPoints(runs, set), set)];
  const scatter = scatterFigure(runs, set);
  if (scatter !== undefined) figures.push(scatter);
  const trained = curves.filter((point) => point.set === trainSetName);
  const fresh = tested.filter(({ world: of }) => of === "ideal");
  if (trained.length > 0 && fresh.length > 0) figures.push(speedFigure(fresh, trained, set));
  return figures;
}

/** @see arXiv:2010.08127, figure 2 */
function worldsFigure(values: readonly CurvePoint[], converged: readonly ConvergedPoint[], set: string): Figure {
  const numNetworks = new Set(values.map(({ network }) => network)).size;
  return {
    name: "real-and-ideal",
    title: "Real and ideal world",
    caption:
      `Soft error on ${set} images while training: the real world reuses N samples, the ideal world sees fresh ones at every step. ` +
      "Lines are means over trials, bands reach from the lowest to the highest; a dot is where the real world's train soft error reaches 1%.",
    spec: {
      data: { values: [...values, ...converged] },
      facet: { field: "network", type: "nominal", title: null, header: { labelFontWeight: "bold" } },
      columns: numNetworks === 4 ? 2 : 3,
      spec: {
        ...panel,
        layer: [
          {
            transform: [{ filter: "isValid(datum.converged)" }],
            mark: { type: "point", filled: true, opacity: 1, size: 60 },
            encoding: { x: steps, y: { field: "converged", type: "quantitative" }, color: setting },
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
        ],
      },
    },
  };
}

/** Where a real world converged, and its soft error there. */
interface ConvergedPoint {
  readonly network: string;
  readonly setting: string;
  readonly world: string;
  readonly step: number;
  readonly converged: number;
}

function convergedPoints(runs: readonly RunResult[], set: string): ConvergedPoint[] {
  const describeSetting = settingNamer(runs);
  return compareWorlds(runs).flatMap(({ options, set: of, numConverged, step, real }) =>
    of !== set || numConverged < real.numTrials
      ? []
      : {
          network: describeNetwork(options),
          setting: describeSetting(options),
          world: describeWorld(options),
          step,
          converged: real.mean,
        },
  );
}

/** @see arXiv:2010.08127, figure 1 */
function scatterFigure(runs: readonly RunResult[], set: string): Figure | undefined {
  const describeSetting = settingNamer(runs);
  const values = compareWorlds(runs)
    .filter((comparison) => comparison.set === set)
    .map(({ options, real, ideal, numConverged }) => ({
      network: describeNetwork(options),
      setting: describeSetting(options),
      real: real.mean,
      ideal: ideal.mean,
      converged: numConverged === real.numTrials ? "yes" : "no",
    }));
  if (values.length === 0) return undefined;
  const all = values.flatMap(({ real, ideal }) => [real, ideal]);
  const [low, high] = [Math.min(...all) - 0.02, Math.max(...all) + 0.02];
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
          data: { values },
          mark: { type: "point", filled: true, size: 90 },
          encoding: {
            x: { field: "ideal", type: "quantitative", title: "ideal world", scale },
            y: { field: "real", type: "quantitative", title: "real world", scale },
            color: { field: "network", type: "nominal" },
            shape: setting,
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
    facet: { field: "network", type: "nominal", title: null },
    columns: 3,
    spec: {
      ...panel,
      mark: { type: "line", strokeWidth: 1.8 },
      encoding: {
        x: steps,
        y: { field: "softError", type: "quantitative", title: "soft error", scale: { zero: false } },
        color: setting,
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
      resolve: { scale: { color: "shared" } },
    } as TopLevelSpec,
  };
}
