import { messageOf } from "../../../core/errors.ts";
import type { SiteDescription } from "../site-description.ts";
import { byId, make } from "./dom.ts";
import { fetchSite } from "./fetch-json.ts";

/** A page that is ready to be shown. */
export interface StartedPage {
  readonly element: HTMLElement;
  /** What it puts into the bar at the top. */
  readonly tools?: readonly HTMLElement[];
  /** Called once the page is in the document. */
  start?(): void | Promise<void>;
}

/** Shows a page of this site, or why it cannot be shown. */
export function startPage(open: (site: SiteDescription) => StartedPage | Promise<StartedPage>): void {
  const start = async () => {
    const page = await open(await fetchSite());
    byId("main").replaceChildren(page.element);
    byId("tools").replaceChildren(...(page.tools ?? []));
    await page.start?.();
  };
  start().catch((thrown: unknown) => {
    byId("main").replaceChildren(make("p", { class: "notice", role: "alert" }, messageOf(thrown)));
  });
}
