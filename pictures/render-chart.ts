import type { TopLevelSpec } from "vega-lite";
import { Cifar5mError, messageOf } from "../core/errors.ts";

/** @throws Cifar5mError `chart/no-vega` where charts cannot be rendered */
export async function requireCharts(): Promise<void> {
  await loadVega();
}

/**
 * Renders a chart, without a browser.
 * @returns an SVG document
 * @throws Cifar5mError `chart/no-vega` where vega and vega-lite are not installed
 */
export async function renderChart(spec: TopLevelSpec): Promise<string> {
  // Loaded when needed: most modules that import this one render no chart.
  const [vega, vegaLite] = await loadVega();
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    // Titles come from outside, and XML cannot hold control characters, not even escaped.
    return (await view.toSVG()).replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, "\ufffd");
  } finally {
    view.finalize();
  }
}

/** Only users who render charts install vega. */
async function loadVega() {
  try {
    return await Promise.all([import("vega"), import("vega-lite")]);
  } catch (thrown) {
    throw new Cifar5mError(
      "chart/no-vega",
      `charts need vega and vega-lite, which cannot be loaded (${messageOf(thrown).split("\n")[0]}). ` +
        "Install them: npm install vega@6 vega-lite@6.",
      { cause: thrown },
    );
  }
}
