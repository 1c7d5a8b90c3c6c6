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
    // Titles come from outside, and XML holds no control characters, however they are written.
    return (await view.toSVG()).replaceAll(/[^\P{Cc}\t\n\r]|[\p{Cs}\ufffe\uffff]/gu, "\ufffd");
  } finally {
    view.finalize();
  }
}
