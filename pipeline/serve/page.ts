import { createHash } from "node:crypto";
import { formatCount, formatPercent, shortHash } from "../../core/format.ts";
import { splitNames } from "../../shards/format/manifest.ts";
import type { Manifest, SplitName } from "../../shards/index.ts";
import { datasetSheetSize } from "../inspect/contact-sheet.ts";
import { icon, type SectionPath, sections } from "./app-page.ts";
import type { ConfidenceSummary } from "./confidence.ts";
import { Html, html } from "./html.ts";
import { confidenceChart, labelChart } from "./page-charts.ts";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";
import { loaderSnippets, type Snippet } from "./snippets.ts";

/** What the links to the other pages say. */
const pageTitles: Readonly<Record<SectionPath, string>> = {
  ".": "Overview",
  browse: "Browse all images",
  experiment: "Live experiment",
  build: "Its build",
};

const cspHash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Headers of the page: the browser may load only the page's own content and the pictures of this server. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "img-src 'self' data:",
    `style-src ${cspHash(pageStyle)}`,
    `script-src ${cspHash(pageScript)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
};

/**
 * Renders the page that shows a data set: one document that loads nothing from elsewhere.
 * @param options.origin - the address by which the visitor reaches this server
 * @param options.folder - path of the set on the visitor's disk, or undefined
 * @param options.confidence - undefined if the shards could not be read
 * @param options.shown - the pages of the site
 */
export function renderPage(options: {
  readonly manifest: Manifest;
  readonly origin: string;
  readonly folder: string | undefined;
  readonly confidence: ConfidenceSummary | undefined;
  readonly shown: readonly SectionPath[];
}): string {
  const { manifest, origin, folder, confidence, shown } = options;
  const { train, test } = manifest.splits;
  const numClasses = manifest.classNames.length;
  const snippets = loaderSnippets({ manifest, base: `${origin}/dataset`, folder });
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${manifest.name}: ${formatCount(train.rows + test.rows)} labeled images</title>
<link rel="icon" href="${icon}">
<style>${new Html(pageStyle)}</style>
</head>
<body data-origin="${origin}">
<header>
<h1>${manifest.name}</h1>
<p class="lead">${formatCount(train.rows + test.rows)} labeled images, 32×32 pixels, in ${numClasses} classes</p>
<nav aria-label="Pages" class="pages">${sections
    .filter(({ path }) => path !== "." && shown.includes(path))
    .map(({ path }) => html`<a href="${path}">${pageTitles[path]}</a>`)}</nav>
<nav aria-label="On this page"><ul>
<li><a href="#images">Images</a></li><li><a href="#labels">Labels</a></li><li><a href="#load">Load it</a></li><li><a href="#origin">Where it comes from</a></li><li><a href="#files">Files</a></li>
</ul></nav>
</header>
<main>
${overview(manifest)}
<section aria-labelledby="images">
<h2 id="images">Images</h2>
${contactSheet(manifest)}
</section>
<div class="columns">
<section aria-labelledby="labels">
<h2 id="labels">Labels</h2>
${labelChart(manifest)}
</section>
<section aria-labelledby="confidence">
<h2 id="confidence">Confidence</h2>
${confidenceSection(manifest, confidence)}
</section>
</div>
<section aria-labelledby="load">
<h2 id="load">Load it</h2>
${folder === undefined ? "" : html`<p>Served from here, or without a server from <code>${folder}</code> on this machine.</p>`}
${snippets.map(snippetSection)}
<p id="status" class="unseen" role="status"></p>
</section>
<section aria-labelledby="origin">
<h2 id="origin">Where it comes from</h2>
${provenance(manifest)}
</section>
<section aria-labelledby="files">
<h2 id="files">Files</h2>
<p>Arrow IPC files, uncompressed. Each answers to Range requests; its ETag is its sha256.</p>
${files(manifest)}
<details><summary>Manifest</summary><div class="scroll"><pre tabindex="0" role="region" aria-label="Manifest"><code>${JSON.stringify(manifest, null, 2)}</code></pre></div></details>
<p><a href="dataset/manifest.json">manifest.json</a></p>
</section>
</main>
<footer>Served by cifar5m. The set was made by ${manifest.createdBy}.</footer>
<script type="module">${new Html(pageScript)}</script>
</body>
</html>
`.text;
}

function overview({ splits, removals, config }: Manifest): Html {
  const removed = Object.values(removals).reduce((sum, count) => sum + count, 0);
  const bytes = splitNames.flatMap((name) => splits[name].shards).reduce((sum, shard) => sum + shard.bytes, 0);
  const pairs = [
    ["Train images", formatCount(splits.train.rows)],
    ["Test images", formatCount(splits.test.rows)],
    ["Left out", formatCount(removed)],
    ...(typeof config["seed"] === "number" ? [["Seed", String(config["seed"])] as const] : []),
    ["Size", formatMegabytes(bytes)],
  ] as const;
  return html`<dl class="overview">${pairs.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function contactSheet(manifest: Manifest): Html {
  const { width, height } = datasetSheetSize(manifest);
  const classes = manifest.classNames.join(", ");
  return html`<div class="sheet" tabindex="0" role="region" aria-label="Contact sheet"><picture><source srcset="contact-sheet-dark.png" media="(prefers-color-scheme: dark)"><img src="contact-sheet.png" width="${width}" height="${height}" alt="The first train images of each label, a row a label: ${classes}. Below each image the labeler’s confidence; at the right, how many images a label has."></picture></div>
<p><a href="contact-sheet.png">The picture by itself</a></p>`;
}

function confidenceSection({ splits }: Manifest, confidence: ConfidenceSummary | undefined): Html {
  if (splits.train.rows === 0) return html`<p>There are no train images.</p>`;
  if (confidence === undefined) return html`<p>The shards cannot be read. <code>cifar5m verify</code> says why.</p>`;
  return confidenceChart(confidence);
}

function snippetSection({ id, title, note, code }: Snippet): Html {
  return html`<section class="snippet" aria-labelledby="${id}">
<header><h3 id="${id}">${title}</h3><p>${note}</p><button type="button" hidden>Copy<span class="unseen"> the lines for ${title}</span></button></header>
<pre tabindex="0" role="region" aria-label="Lines for ${title}"><code>${code}</code></pre>
</section>
`;
}

function provenance({ sha256, configHash, models, removals, splits }: Manifest): Html {
  const rows = splits.train.rows + splits.test.rows;
  const pairs = [
    ["Set, sha256", sha256],
    ["Configuration, sha256", configHash],
    ...Object.entries(models).map(([name, hash]) => [`${name}, sha256`, hash] as const),
  ] as const;
  const reasons = Object.entries(removals).map(
    ([reason, count]) =>
      html`<dt>Removed: ${reason}</dt><dd>${formatCount(count)} (${formatPercent(count / Math.max(1, rows + count))})</dd>`,
  );
  return html`<dl class="hashes">${pairs.map(([term, hash]) => html`<dt>${term}</dt><dd><code>${hash}</code></dd>`)}${reasons}</dl>`;
}

function files({ splits }: Manifest): Html {
  const rowsOf = (name: SplitName) =>
    splits[name].shards.map(
      ({ file, rows, bytes, sha256 }) =>
        html`<tr><th scope="row"><a href="dataset/${file}?sha256=${sha256}" download>${file}</a></th><td class="number">${formatCount(rows)}</td><td class="number">${formatMegabytes(bytes)}</td><td class="number"><code>${shortHash(sha256)}</code></td></tr>
`,
    );
  const numShards = splits.train.shards.length + splits.test.shards.length;
  return html`<details><summary>${formatCount(numShards)} shards</summary><div class="scroll files" tabindex="0" role="region" aria-label="Shards"><table>
<thead><tr><th scope="col">File</th><th scope="col" class="number">Images</th><th scope="col" class="number">Size</th><th scope="col" class="number">sha256</th></tr></thead>
<tbody>
${splitNames.map(rowsOf)}</tbody>
</table></div></details>`;
}

function formatMegabytes(bytes: number): string {
  const isLarge = bytes >= 1e9;
  return `${(bytes / (isLarge ? 1e9 : 1e6)).toFixed(1)} ${isLarge ? "GB" : "MB"}`;
}
