import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, inject, onTestFinished, test } from "vitest";
import { fileExists } from "../../../storage/read-file.ts";
import { startStandInServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeCifar10 } from "../../support/make-cifar-10.ts";
import { makeTestFolder } from "../../support/make-rows.ts";

/** Wait of a batch of the stand-in, so that the page can see units come. */
const delayMs = 120;

/** Starts a build in a process of its own. */
async function startBuild() {
  const [root, data] = [join(await makeTestFolder(), "run"), join(await makeTestFolder(), "cifar-10")];
  await makeCifar10(data);
  const script = join(inject("compiledFolder"), "tests", "support", "stand-in-build.js");
  const build = spawn(process.execPath, [script, root, data, String(delayMs)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void build.kill("SIGKILL"));
  return { root, ended: once(build, "close") };
}

async function waitFor(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 20));
}

test.skipIf(chromium === undefined)(
  "the page of a running build refreshes itself until the set is published, and then leads to it",
  async () => {
    const { root, ended } = await startBuild();
    await waitFor(() => fileExists(join(root, "run.json")));
    const { origin } = await startStandInServe(root);
    // The address of the set leads to its build as long as there is no set.
    const page = await BrowserPage.open(`${origin}/`, { width: 390, height: 844 });
    await page.until(`document.querySelectorAll(".stage").length === 5`);
    expect((await fetch(`${origin}/dataset/manifest.json`)).status).toBe(404);
    await page.until(`Number(document.querySelector("[role=progressbar]").getAttribute("aria-valuenow")) > 0`);
    await page.until(`document.querySelectorAll(".newest canvas:not(.empty)").length > 0`);
    expect(await page.text(".stage span")).toMatch(/^\d of 5 units, \d+\.0%$/);
    await ended;
    await page.until(`document.querySelector(".lead a") !== null`);
    expect(await page.evaluate(`document.documentElement.scrollWidth - innerWidth`)).toBe(0);
    expect(await page.text(".lead")).toBe("The set is published: open it.");
    const newest = await page.evaluate<string[]>(
      `[...document.querySelectorAll(".newest figcaption")].slice(0, 2).map(({ textContent }) => textContent)`,
    );
    expect(newest[0]).toMatch(/^\d+[a-z]+ 0\.55$/);
    await page.click(".lead a");
    await page.until(`document.querySelector("h1")?.textContent === "cifar5m" && location.pathname === "/"`);
    expect((await fetch(`${origin}/dataset/manifest.json`)).status).toBe(200);
    expect(page.messages.filter((text) => !text.includes("404"))).toEqual([]);
  },
);
