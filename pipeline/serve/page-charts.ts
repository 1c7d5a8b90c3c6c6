import { formatCount, formatPercent } from "../../core/format.ts";
import type { Manifest } from "../../shards/index.ts";
import type { ConfidenceSummary } from "./confidence.ts";
import { type Html, html } from "./html.ts";

/** Width of the charts in their own units; they stretch to the available width. */
const chartWidth = 1000;

/** One bar per label and split: the label's share of its split, so that splits of different sizes compare. */
export function labelChart(manifest: Manifest): Html {
  const { train, test } = manifest.splits;
  const share = (split: typeof train, label: number) => split.classCounts[label]! / Math.max(1, split.rows);
  const labels = manifest.classNames.map((name, label) => ({ name, label }));
  const largest = Math.max(1e-9, ...labels.flatMap(({ label }) => [share(train, label), share(test, label)]));
  const length = (fraction: number) => ((fraction / largest) * chartWidth).toFixed(1);
  const even = length(1 / Math.max(1, labels.length));
  const cell = (split: typeof train, label: number) =>
    html`<td class="number">${formatCount(split.classCounts[label]!)}<span class="share">${formatPercent(share(split, label))}</span></td>`;
  const rows = labels.map(
    ({
      name,
      label,
    }) => html`<tr><th scope="row">${name}</th><td class="bars"><svg viewBox="0 0 ${chartWidth} 26" preserveAspectRatio="none" aria-hidden="true">
<rect class="train" x="0" y="2" width="${length(share(train, label))}" height="12"/><rect class="test" x="0" y="16" width="${length(share(test, label))}" height="8"/>
<line class="even" x1="${even}" x2="${even}" y1="0" y2="26"/></svg></td>${cell(train, label)}${cell(test, label)}</tr>
`,
  );
  return html`<table class="labels">
<caption>Images by label. Bars: share of the split. Dotted: an equal share, ${formatPercent(1 / Math.max(1, labels.length))}.</caption>
<thead><tr><th scope="col">Label</th><td></td><th scope="col" class="number"><span class="key train"></span>Train</th><th scope="col" class="number"><span class="key test"></span>Test</th></tr></thead>
<tbody>
${rows}</tbody>
</table>`;
}

/** The labeler's confidence as numbers and a histogram. */
export function confidenceChart(summary: ConfidenceSummary): Html {
  const { numImages, bins, median, lowestTenth, numAsked, numAgreeing } = summary;
  const largest = Math.max(1, ...bins);
  const step = chartWidth / bins.length;
  const columns = bins.map((count, bin) => {
    const height = (count / largest) * 100;
    return html`<rect class="train" x="${(bin * step + 2).toFixed(1)}" y="${(100 - height).toFixed(1)}" width="${(step - 4).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  return html`<figure class="confidence">
<svg viewBox="0 0 ${chartWidth} 100" preserveAspectRatio="none" role="img" aria-label="Histogram of the confidence; its figures are in the list below.">${columns}<line class="axis" x1="0" x2="${chartWidth}" y1="100" y2="100"/></svg>
<div class="scale" aria-hidden="true"><span>0</span><span>confidence</span><span>1</span></div>
<figcaption>How sure the labeler was of the first ${formatCount(numImages)} train images: its probability of the label.</figcaption>
</figure>
<dl class="pairs">
<div><dt>Median</dt><dd>${median.toFixed(3)}</dd></div>
<div><dt>A tenth lies below</dt><dd>${lowestTenth.toFixed(3)}</dd></div>
${numAsked === 0 ? "" : html`<div><dt>Label is the class asked for</dt><dd>${formatPercent(numAgreeing / numAsked)}</dd></div>`}
</dl>`;
}
