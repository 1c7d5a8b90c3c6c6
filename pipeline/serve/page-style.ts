/** The page's style. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #fbfbfa; --raised: #fff; --ink: #1b1f24; --faint: #59636e; --line: #dcdfe3;
  --link: #0a5aa8; --train: #2f6eb0; --test: #c2691a; --focus: #0a5aa8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --raised: #1c2024; --ink: #e5e8eb; --faint: #a2abb4; --line: #353b42;
    --link: #7db8f2; --train: #5b9bdc; --test: #e0924a; --focus: #7db8f2;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { margin: 0; font-size: 2.25rem; line-height: 1.15; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 1rem; font-size: 1.375rem; line-height: 1.3; letter-spacing: -0.01em; }
h3 { margin: 0; font-size: 1rem; }
p { margin: 0.5rem 0; }
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.875rem; }
.lead { margin: 0.5rem 0 0; color: var(--faint); font-size: 1.0625rem; }
.pages { display: flex; flex-wrap: wrap; gap: 0.625rem; margin-top: 1.25rem; }
.pages a { padding: 0.5rem 1rem; border: 1px solid var(--line); border-radius: 6px; background: var(--raised); text-decoration: none; font-weight: 500; }
.pages a:hover { border-color: var(--link); }
.pages a:first-child { background: var(--link); border-color: var(--link); color: var(--ground); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin: 1.25rem 0 0; padding: 0; list-style: none; }
nav a { display: inline-block; padding: 0.25rem 0; }
.overview { display: flex; flex-wrap: wrap; gap: 1px; margin: 1.5rem 0 0;
  background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.overview div { flex: 1 1 9rem; padding: 0.75rem 1rem; background: var(--raised); }
dt { color: var(--faint); font-size: 0.875rem; }
dd { margin: 0; }
.overview dd { font-size: 1.375rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.sheet { overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; }
.sheet img { display: block; width: 100%; min-width: 60rem; height: auto; color: #1b1f24; }
.columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 3.5rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { padding-bottom: 0.5rem; color: var(--faint); font-size: 0.875rem; text-align: left; }
th, td { padding: 0.3rem 0; text-align: left; vertical-align: middle; font-weight: 400; }
thead th { color: var(--faint); font-size: 0.875rem; }
.labels th[scope="row"] { padding-right: 1rem; white-space: nowrap; }
.labels .bars { width: 100%; }
.labels svg { display: block; width: 100%; height: 1.75rem; }
.number { padding-left: 1rem; text-align: right; white-space: nowrap; }
.share { display: block; color: var(--faint); font-size: 0.8125rem; line-height: 1.2; }
rect.train, .key.train { fill: var(--train); background: var(--train); }
rect.test, .key.test { fill: var(--test); background: var(--test); }
.key { display: inline-block; width: 0.65rem; height: 0.65rem; margin-right: 0.4rem; border-radius: 2px; }
line.even { stroke: var(--ink); stroke-dasharray: 2 3; opacity: 0.65; vector-effect: non-scaling-stroke; }
line.axis { stroke: var(--line); stroke-width: 2; vector-effect: non-scaling-stroke; }
figure { margin: 0; }
figcaption { margin-top: 0.5rem; color: var(--faint); font-size: 0.875rem; }
.confidence svg { display: block; width: 100%; height: 8rem; }
.scale { display: flex; justify-content: space-between; color: var(--faint); font-size: 0.8125rem; }
.pairs { margin: 1rem 0 0; }
.pairs div { display: flex; justify-content: space-between; gap: 1rem; padding: 0.4rem 0; border-top: 1px solid var(--line); }
.pairs dd { font-variant-numeric: tabular-nums; font-weight: 600; }
.snippet { margin-top: 1.25rem; border: 1px solid var(--line); border-radius: 8px; background: var(--raised); overflow: hidden; }
.snippet header { display: grid; grid-template-columns: 1fr auto; align-items: start; gap: 0 1rem; max-width: none; padding: 0.75rem 1rem; }
.snippet p { grid-column: 1; margin: 0; color: var(--faint); font-size: 0.875rem; }
.snippet button { grid-column: 2; grid-row: 1 / span 2; }
button { min-width: 5rem; min-height: 2.25rem; padding: 0 0.875rem; border: 1px solid var(--line); border-radius: 6px;
  background: var(--ground); color: var(--ink); font: inherit; font-size: 0.875rem; cursor: pointer; }
button:hover { border-color: var(--faint); }
pre { margin: 0; padding: 0.875rem 1rem; overflow-x: auto; border-top: 1px solid var(--line); line-height: 1.55; tab-size: 2; }
pre:focus-visible { outline-offset: -2px; }
.hashes { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.5rem 1.5rem; align-items: baseline; margin: 0; }
.hashes dd { overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: 8px; background: var(--raised); margin-top: 1.25rem; }
summary { padding: 0.75rem 1rem; cursor: pointer; }
details .scroll { overflow-x: auto; max-height: 32rem; border-top: 1px solid var(--line); }
details pre { border: 0; }
.files { padding: 0.25rem 1rem 0.75rem; }
.files th, .files td { padding-right: 1rem; white-space: nowrap; }
footer { margin-top: 3rem; padding-top: 1.25rem; padding-bottom: 2.5rem; color: var(--faint); font-size: 0.875rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 48rem) {
  header { padding-top: 1.5rem; }
  h1 { font-size: 1.75rem; }
  h2 { margin-top: 2.25rem; }
  .columns { grid-template-columns: minmax(0, 1fr); }
  .hashes { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .hashes dd { margin-bottom: 0.75rem; }
  .number { padding-left: 0.75rem; }
  .labels th[scope="row"] { padding-right: 0.75rem; }
}
@media (forced-colors: active) { rect, .key { forced-color-adjust: none; } }
`;
