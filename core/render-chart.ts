import type { TopLevelSpec } from "vega-lite";

/**
 * Draws a chart, without a browser.
 * @returns an SVG document
 */
export async function renderChart(spec: TopLevelSpec): Promise<string> {
  // Loaded when needed: most of what imports from here draws nothing.
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
