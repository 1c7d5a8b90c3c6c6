import { expect, test } from "vitest";
import { renderAppPage } from "../../../pipeline/serve/app-page.ts";

const notice = (page: string) => /<noscript><p class="notice">(.*?)<\/p>/.exec(page)![1]!.replace(/<[^>]+>/g, "");

test("without scripts a page says what goes without them, which of a build is the command alone", () => {
  const finished = renderAppPage({ name: "set", section: "browse", shown: [".", "browse", "experiment", "build"] });
  expect(notice(finished)).toBe("This page needs JavaScript. The overview does not.");
  const building = renderAppPage({ name: "run", section: "build", shown: ["build"] });
  expect(notice(building)).toBe("This page needs JavaScript. cifar5m status says the same in a terminal.");
});
