import { escapeHtml } from "../../core/escape-html.ts";
import { formatPercent } from "../../core/format.ts";
import { median } from "../../core/median.ts";
import { type Comparison, convergedSoftError, describeStep, type Estimate } from "../compare-worlds.ts";
import { runNamer } from "../name-runs.ts";
import type { RunResult } from "../results.ts";
import type { Figure } from "./figures.ts";

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #59636e; --line: #dcdfe3; --ground: #fff; --sunk: #f4f4f2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e8eb; --faint: #a2abb4; --line: #353b42; --ground: #14171a; --sunk: #1c2024; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--ground); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
figure { margin: 1rem 0 2rem; } figcaption { max-width: 46rem; color: var(--faint); }
figure svg { max-width: 100%; height: auto; } figure svg > rect { fill: none; }
figure svg text { fill: var(--ink); } figure svg .background[stroke] { stroke: var(--line); }
figure svg .role-axis-domain line, figure svg .role-axis-tick line { stroke: var(--faint); } figure svg .role-axis-grid line { stroke: var(--line); }
figure svg .role-legend-symbol path[fill="black"], figure svg .role-legend-symbol path[fill="#000"] { fill: var(--ink); }
figure svg .role-legend-symbol path[stroke="#000"] { stroke: var(--ink); }
figure .narrow { display: none; }
@media (max-width: 44rem) { figure .wide { display: none; } figure .narrow { display: block; } }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left; } th { font-weight: 600; } .gap { font-weight: 600; }
pre { background: var(--sunk); padding: .7rem; overflow-x: auto; font-size: 12px; } summary { cursor: pointer; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; }
`;

/** The content of the page. */
export interface ReportContent {
  readonly name: string;
  /** Hashes of the data sets, by role. */
  readonly data: Readonly<Record<string, string>>;
  readonly runs: readonly RunResult[];
  readonly comparisons: readonly Comparison[];
  readonly figures: readonly {
    readonly figure: Figure;
    readonly svg: string;
    /** For phones. */
    readonly narrowSvg: string;
  }[];
}

/** Renders the report as one HTML file that needs no other file. */
export function reportPage({ name, data, runs, comparisons, figures }: ReportContent): string {
  const sets = Object.entries(data).map(([role, fingerprint]) => `${role} ${fingerprint}`);
  const nameOf = runNamer(runs);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<style>${style}</style>
<h1>${escapeHtml(name)}</h1>
<p>${runs.length} runs. ${escapeHtml(verdict(comparisons))}</p>
<p>Data: <code>${escapeHtml(sets.join(", "))}</code></p>
<h2>Bootstrap gaps</h2>
${comparisonTable(comparisons, nameOf)}
${figures.map(figureSection).join("\n")}
<h2>Every run</h2>
${runs.map((run) => runDetails(run, nameOf(run.options).label)).join("\n")}
</html>
`;
}

function figureSection({ figure, svg, narrowSvg }: ReportContent["figures"][number]): string {
  const drawings = `<div class="wide">${svg}</div><div class="narrow">${narrowSvg}</div>`;
  return `<h2>${escapeHtml(figure.title)}</h2>
<figure>${drawings}<figcaption>${escapeHtml(figure.caption)}</figcaption></figure>`;
}

/** Summarizes in one sentence what the comparisons say about the paper's claim. */
export function verdict(comparisons: readonly Comparison[]): string {
  const tested = comparisons.filter(({ set }) => set === "test");
  if (tested.length === 0) return "No setting was run in both worlds, so there is nothing to compare.";
  const gaps = tested.map(({ gap }) => Math.abs(gap.mean));
  const worst = gaps.reduce((most, gap) => Math.max(most, gap), 0);
  const numConverged = tested.filter((comparison) => comparison.numConverged === comparison.gap.numTrials).length;
  const numNever = tested.filter((comparison) => comparison.numConverged === 0).length;
  const numMixed = tested.length - numConverged - numNever;
  return (
    `In ${tested.length} settings the soft errors of real and ideal world differ by ${percent(median(gaps))} in the median and ${percent(worst)} at most, ` +
    `where the real world's train soft error reaches ${percent(convergedSoftError)} (${numConverged} settings), ` +
    `or at its last step (${numNever})${numMixed === 0 ? "" : `, or at either where only some trials reach it (${numMixed})`}.`
  );
}

function comparisonTable(comparisons: readonly Comparison[], nameOf: ReturnType<typeof runNamer>): string {
  const rows = comparisons.map((comparison) => {
    const { options, set, gap, real, ideal, trainSoftError, finalReal, finalIdeal } = comparison;
    const { network, settingOfRow } = nameOf(options);
    const cells = [
      network,
      settingOfRow,
      set,
      String(options.numSamples),
      describeStep(comparison),
      ...[trainSoftError, real, ideal, gap, finalReal, finalIdeal].map(showEstimate),
    ];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
  });
  const header = [
    "network",
    "setting",
    "images",
    "N",
    "step",
    "train soft error",
    "real",
    "ideal",
    "gap",
    "real at the end",
    "ideal at the end",
  ];
  return `<div class="scroll" tabindex="0" role="region" aria-label="Bootstrap gaps"><table><tr>${header.map((cell) => `<th>${cell}</th>`).join("")}</tr>\n${rows.join("\n")}</table></div>
<p>Soft errors at the step where the real world's train soft error reaches ${percent(convergedSoftError)}, or at its last step (not converged), and after the last step of each world; ± is the 95% confidence interval of the mean over trials.</p>`;
}

function runDetails({ id, options, rows }: RunResult, label: string): string {
  const last = rows.filter(({ step }) => step === rows.at(-1)?.step);
  const figures = last.map(({ set, loss, error, softError }) =>
    [set, `loss ${loss.toFixed(4)}`, `error ${percent(error)}`, `soft error ${percent(softError)}`].join(" "),
  );
  return `<details><summary><code>${id}</code> ${escapeHtml(label)}: step ${last[0]?.step ?? 0}, ${escapeHtml(figures.join("; "))}</summary><pre>${escapeHtml(JSON.stringify(options, null, 2))}</pre></details>`;
}

/** Formats an estimate: `41.2% ± 1.3%`. */
export function showEstimate({ mean, margin }: Estimate): string {
  return margin === undefined ? percent(mean) : `${percent(mean)} ± ${percent(margin)}`;
}

function percent(value: number): string {
  return formatPercent(value, 2);
}
