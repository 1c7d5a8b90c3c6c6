/** The page that shows all images of a set. */

import "./without-eval.ts";

import { BrowsePage } from "./browse-page.ts";
import { byId, make } from "./dom.ts";
import { fetchSite } from "./fetch-json.ts";
import { OpenSet } from "./open-set.ts";

async function start(): Promise<void> {
  const site = await fetchSite();
  const bases = site.compareWith === undefined ? [""] : ["", "compare/"];
  const page = new BrowsePage(site, await Promise.all(bases.map((base) => OpenSet.open(base))));
  byId("main").replaceChildren(page.element);
  byId("tools").replaceChildren(...page.tools);
  await page.start();
}

start().catch((thrown: unknown) => {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  byId("main").replaceChildren(make("p", { class: "notice", role: "alert" }, text));
});
