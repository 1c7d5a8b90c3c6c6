import type { TopLevelSpec } from "vega-lite";
import { Cifar5mError, messageOf } from "../core/errors.ts";

/**
 * Renders a chart, without a browser.
 * @returns an SVG document
 * @throws Cifar5mError `chart/no-vega` where vega and vega-lite are not installed
 */
export async function renderChart(spec: TopLevelSpec): Promise<string> {
  // Loaded when needed: most of what imports from here draws nothing.
  const [vega, vegaLite] = await loadVega();
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    // Titles come from outside, and XML holds no control characters, however they are written.
    return (await view.toSVG()).replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, "\ufffd");
  } finally {
    view.finalize();
  }
}

/** Only those who draw charts install it. */
async function loadVega() {
  try {
    return await Promise.all([import("vega"), import("vega-lite")]);
  } catch (thrown) {
    throw new Cifar5mError(
      "chart/no-vega",
      `charts are drawn by vega and vega-lite, which cannot be loaded (${messageOf(thrown).split("\n")[0]}). ` +
        "Install them: npm install vega@6 vega-lite@6.",
      { cause: thrown },
    );
  }
}
