import type { LogLine } from "../storage/training-store.ts";
import { bar, faint, line } from "./primitives.ts";
import { rasterizeSvg } from "./rasterize-svg.ts";

const width = 760;
const height = 300;
const margin = { left: 72, right: 20, top: 20, bottom: 44 };
/** Number of points on the curve, at most. Each is a mean over a window of log lines. */
const numPoints = 200;

/**
 * Renders the loss of a training over the images it saw, averaged in up to 200 windows.
 * @returns a PNG file
 */
export async function renderLossCurve(lines: readonly LogLine[], batchSize: number): Promise<Uint8Array> {
  const window = Math.max(1, Math.ceil(lines.length / numPoints));
  const points = Array.from({ length: Math.ceil(lines.length / window) }, (_, index) => {
    const part = lines.slice(index * window, (index + 1) * window);
    const loss = part.reduce((total, line) => total + line.loss, 0) / part.length;
    return { images: part.at(-1)!.step * batchSize, loss };
  });
  const mostImages = points.at(-1)!.images;
  // The first points lie far above the rest and would flatten the curve, so they may leave the picture.
  const sorted = points.map(({ loss }) => loss).sort((a, b) => a - b);
  const low = sorted[0]!;
  const high = sorted[Math.floor(0.97 * (sorted.length - 1))]!;
  const span = Math.max(high - low, 1e-9) * 1.1;
  const x = (images: number) => margin.left + (images / mostImages) * (width - margin.left - margin.right);
  const y = (loss: number) => margin.top + (1 - (loss - low) / span) * (height - margin.top - margin.bottom);
  const path = points.map(({ images, loss }) => `${x(images).toFixed(1)},${y(loss).toFixed(1)}`);
  const [plotWidth, plotHeight] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const middle = margin.top + plotHeight / 2;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans, Arial, sans-serif" font-size="12" fill="${faint}">
    <rect width="100%" height="100%" fill="white"/>
    ${ticks
      .map((tick) => {
        const loss = low + tick * span;
        return `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(loss)}" y2="${y(loss)}" stroke="${line}"/>
    <text x="${margin.left - 8}" y="${y(loss) + 4}" text-anchor="end">${loss.toPrecision(3)}</text>
    <text x="${x(tick * mostImages)}" y="${height - 24}" text-anchor="middle">${Math.round((tick * mostImages) / 1000)}k</text>`;
      })
      .join("\n")}
    <text x="${width / 2}" y="${height - 6}" text-anchor="middle">images seen</text>
    <text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">loss</text>
    <clipPath id="plot"><rect x="${margin.left}" y="${margin.top}" width="${plotWidth}" height="${plotHeight + 2}"/></clipPath>
    <polyline points="${path.join(" ")}" clip-path="url(#plot)" fill="none" stroke="${bar}" stroke-width="2"/>
  </svg>`;
  return await rasterizeSvg(svg);
}
