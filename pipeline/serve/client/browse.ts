/** The page that shows all images of a set. */

import "./without-eval.ts";

import { BrowsePage } from "./browse-page.ts";
import { OpenSet } from "./open-set.ts";
import { startPage } from "./start-page.ts";

startPage(async (site) => {
  const bases = site.compareWith === undefined ? [""] : ["", "compare/"];
  return new BrowsePage(site, await Promise.all(bases.map((base) => OpenSet.open(base))));
});
