/**
 * Draws the Fréchet distance of a generator over the training images it had seen: `docs/scores-over-training.png`, from
 * `docs/scores-over-training.json`, which `score-generator` wrote for averaged weights of one training. The name of each
 * row begins with its number of images. For those who work on this package:
 * `node dist/scripts/maintain/plot-training-scores.js`.
 */

import { Cifar5mError } from "../../core/errors.ts";
import { rasterizeSvg } from "../../pictures/rasterize-svg.ts";
import { renderChart } from "../../pictures/render-chart.ts";
import { readGeneratorScore } from "../../pipeline/score/generator-score.ts";
import { distanceAxis, testLine } from "../../pipeline/score/render-generator-plot.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";

const source = "docs/scores-over-training.json";

try {
  await plot();
} catch (thrown) {
  process.exitCode = reportError(thrown, { verbose: true });
}

async function plot(): Promise<void> {
  const score = await readGeneratorScore(source);
  if (score === undefined) {
    throw new Cifar5mError("score/missing", `${source} must exist. Copy generator-score.json of a run to it.`);
  }
  const values = score.rows.map(({ name, series, frechetDistance }) => {
    const [digits] = /^[\d,]+/.exec(name) ?? [];
    if (digits === undefined) {
      throw new Cifar5mError(
        "score/bad-rows",
        `a row of ${source} must begin with its images, got ${name}. Rename it.`,
      );
    }
    return { images: Number(digits.replaceAll(",", "")), series, frechetDistance };
  });
  const svg = await renderChart({
    width: 480,
    height: 300,
    layer: [
      testLine(score.cifar10Test),
      {
        data: { values },
        mark: { type: "line", point: true },
        encoding: {
          x: { field: "images", type: "quantitative", scale: { type: "log" }, axis: { title: "training images seen" } },
          y: { ...distanceAxis, axis: { title: "Fréchet distance (judge features)" } },
          color: { field: "series", type: "nominal", legend: { title: null } },
        },
      },
    ],
  });
  await replaceBytes(source.replace(/json$/, "png"), await rasterizeSvg(svg, 144));
}
