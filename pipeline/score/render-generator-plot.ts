import type { TopLevelSpec } from "vega-lite";
import { formatCount } from "../../core/format.ts";
import { rasterizeSvg } from "../../pictures/rasterize-svg.ts";
import { renderChart } from "../../pictures/render-chart.ts";
import type { GeneratorScore } from "./generator-score.ts";

/**
 * Renders the Fréchet distance of each row over its denoiser calls and over its images per second, with CIFAR-10 test
 * for comparison.
 * @returns the plot as SVG text and as a PNG file
 */
export async function renderGeneratorPlot(
  score: GeneratorScore,
): Promise<{ readonly svg: string; readonly png: Uint8Array }> {
  const svg = await renderChart(plotOf(score));
  return { svg, png: await rasterizeSvg(svg, 144) };
}

/** The vertical axis of plots of the Fréchet distance. */
export const distanceAxis = { field: "frechetDistance", type: "quantitative", scale: { type: "log" } } as const;

/** A line at the distance of CIFAR-10's test images. */
export function testLine({ frechetDistance }: GeneratorScore["cifar10Test"]) {
  const gray = "#6b7280";
  const label = { type: "text", align: "left", baseline: "bottom", dx: 4, color: gray, x: 0 } as const;
  return {
    data: { values: [{ frechetDistance, text: "CIFAR-10 test" }] },
    layer: [
      { mark: { type: "rule" as const, strokeDash: [4, 4], color: gray }, encoding: { y: distanceAxis } },
      { mark: label, encoding: { y: distanceAxis, text: { field: "text" } } },
    ],
  };
}

function plotOf({ rows, cifar10Test, features, reference }: GeneratorScore): TopLevelSpec {
  const values = rows.map(({ series, sampler: { steps }, nfe, imagesPerSecond, frechetDistance }) => ({
    series,
    steps,
    nfe,
    imagesPerSecond,
    frechetDistance,
  }));
  const panel = (field: "nfe" | "imagesPerSecond", title: string) => ({
    width: 380,
    height: 300,
    layer: [
      testLine(cifar10Test),
      {
        encoding: {
          x: { field, type: "quantitative", scale: { type: "log" }, axis: { title } },
          y: { ...distanceAxis, axis: { title: `Fréchet distance (${features.network} features)` } },
          color: { field: "series", type: "nominal", title: null, legend: { orient: "bottom" } },
        },
        layer: [
          {
            mark: { type: "line", point: { size: 50 } },
            encoding: { order: { field: "steps" } },
          },
          {
            // Put the text on the side that the line does not pass: distances fall with calls, and rise with speed.
            mark: { type: "text", align: "left", dx: 6, dy: field === "nfe" ? -7 : 9, fontWeight: "bold" },
            encoding: { text: { field: "steps" } },
          },
        ],
      },
    ],
  });
  const counts = [...new Set(rows.map(({ count }) => formatCount(count)))].join(", ");
  return {
    background: "white",
    padding: 16,
    title: {
      text: "Quality over cost",
      subtitle: `${counts} images a point, against ${formatCount(reference.count)} of ${reference.name}; lower is better; numbers are steps`,
      anchor: "start",
      fontSize: 18,
      offset: 14,
    },
    data: { values },
    config: { font: "DejaVu Sans, Arial, sans-serif", view: { stroke: null }, axis: { gridColor: "#e5e7eb" } },
    hconcat: [panel("nfe", "denoiser calls an image (NFE)"), panel("imagesPerSecond", "images a second")],
  } as TopLevelSpec;
}
