/** The page of a build: how far it is, how fast, and what it has made last. */

import { BuildPage } from "./build-page.ts";
import { byId, make } from "./dom.ts";
import { fetchSite } from "./fetch-json.ts";

fetchSite()
  .then((site) => {
    const page = new BuildPage(site);
    byId("main").replaceChildren(page.element);
    page.start();
  })
  .catch((thrown: unknown) => {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    byId("main").replaceChildren(make("p", { class: "notice", role: "alert" }, text));
  });
