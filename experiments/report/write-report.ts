import { join } from "node:path";
import { rasterizeSvg } from "../../pictures/rasterize-svg.ts";
import { renderChart } from "../../pictures/render-chart.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { compareWorlds } from "../compare-worlds.ts";
import { readExperimentConfig } from "../experiment-config.ts";
import { experimentFolderAt } from "../experiment-folder.ts";
import { readResults } from "../results.ts";
import { addTooltips } from "./add-tooltips.ts";
import { figuresOf } from "./figures.ts";
import { narrowed } from "./narrowed.ts";
import { reportPage } from "./page.ts";

/** Dots per inch of the PNG files; the SVG files have 72. */
const density = 144;

/**
 * Writes `report/index.html`, which needs no other file, and beside it each figure as SVG and PNG.
 * @param root - the experiment's folder
 * @returns the page's path
 * @throws Cifar5mError `experiment/results-version`; `table/…`, `disk/…`
 */
export async function writeReport(root: string): Promise<string> {
  const folder = experimentFolderAt(root);
  const { runs, data } = await readResults(folder.results);
  const { name } = await readExperimentConfig(folder.config);
  const figures = [];
  const comparisons = compareWorlds(runs);
  for (const figure of figuresOf(runs, comparisons)) {
    const svg = await renderChart(figure.spec);
    await replaceBytes(join(folder.report, `${figure.name}.svg`), svg);
    const png = await rasterizeSvg(svg, density);
    await replaceBytes(join(folder.report, `${figure.name}.png`), png);
    figures.push({ figure, svg: addTooltips(svg), narrowSvg: addTooltips(await renderChart(narrowed(figure.spec))) });
  }
  const path = join(folder.report, "index.html");
  await replaceBytes(path, reportPage({ name, data, runs, comparisons, figures }));
  return path;
}
