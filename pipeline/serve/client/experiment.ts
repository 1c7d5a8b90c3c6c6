/** The page of the live experiment. */

import "./without-eval.ts";

import { byId, make } from "./dom.ts";
import { ExperimentPage } from "./experiment-page.ts";
import { fetchSite } from "./fetch-json.ts";
import { OpenSet } from "./open-set.ts";

async function start(): Promise<void> {
  const site = await fetchSite();
  const page = new ExperimentPage((await OpenSet.open("")).manifest, site);
  byId("main").replaceChildren(page.element);
}

start().catch((thrown: unknown) => {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  byId("main").replaceChildren(make("p", { class: "notice", role: "alert" }, text));
});
