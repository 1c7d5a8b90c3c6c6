import { html } from "./html.ts";

/** Headers of the pages with scripts: only this server's own scripts, style, pictures and data. */
export const appHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // Text of a set cannot become markup even by a mistake of ours.
    "require-trusted-types-for 'script'",
    "trusted-types cifar5m-worker",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
};

/** A square of four colors, so that users recognize the tab. */
export const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'%3E%3Cpath fill='%232f6eb0' d='M0 0h1v1H0zm1 1h1v1H1z'/%3E%3Cpath fill='%23c2691a' d='M1 0h1v1H1zM0 1h1v1H0z'/%3E%3C/svg%3E";

/** The parts of the site that have a page of their own. */
export const sections = [
  { path: ".", name: "Overview" },
  { path: "browse", name: "Browse" },
  { path: "experiment", name: "Experiment" },
  { path: "build", name: "Build" },
] as const;
export type SectionPath = (typeof sections)[number]["path"];

/** A page that its script fills. @param name - of the set or run; shown as text */
export function renderAppPage(options: {
  readonly name: string;
  readonly section: Exclude<SectionPath, ".">;
  readonly shown: readonly SectionPath[];
}): string {
  const { name, section, shown } = options;
  const links = sections
    .filter(({ path }) => shown.includes(path))
    .map(
      ({ path, name: label }) =>
        html`<a href="${path === "." ? "./" : path}"${path === section ? html` aria-current="page"` : ""}>${label}</a>`,
    );
  // While a set is being built, no page goes without scripts.
  const instead = shown.includes(".")
    ? html`The <a href="./">overview</a> does not.`
    : html`<code>cifar5m status</code> says the same in a terminal.`;
  const title = sections.find(({ path }) => path === section)!.name;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}: ${name}</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="assets/page.css">
<script type="module" src="assets/${section}.js"></script>
</head>
<body class="${section}">
<header class="top"><a class="brand" href="./"><img src="${icon}" alt="" width="18" height="18"><span>${name}</span></a>
<nav aria-label="Pages">${links}</nav><div id="tools"></div></header>
<main id="main"><noscript><p class="notice">This page needs JavaScript. ${instead}</p></noscript></main>
<div id="status" class="unseen" role="status" aria-live="polite"></div>
</body>
</html>
`.text;
}
