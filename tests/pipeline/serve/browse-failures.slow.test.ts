import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { unreachableText } from "../../../pipeline/serve/client/ask.ts";
import { startServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { writeTestFlags } from "../../support/write-test-flags.ts";
import { browse, countLine, numTest, numTrain, pixelsOf, shows, useBrowsedSets } from "./browsed-sets.ts";
import { makePictureSet, pictureRow } from "./make-picture-set.ts";

useBrowsedSets();

const changedText = "The set has changed since this page was opened. Load the page anew.";

/** Has requests for addresses with a text in them fail: by an answer with status 500, or without any answer. */
const fail = (page: BrowserPage, text: string, answer?: string) =>
  page.evaluate(`{
    const fetched = (window.fetched ??= window.fetch);
    window.fetch = async (path, ...others) => {
      if (!String(path).includes(${JSON.stringify(text)})) return fetched(path, ...others);
      if (${answer === undefined}) throw new TypeError("Failed to fetch");
      return new Response(${JSON.stringify(answer)}, { status: 500, headers: { "Content-Type": "text/plain" } });
    };
  }`);
const mend = (page: BrowserPage) => page.evaluate("window.fetch = window.fetched");

const isShown = (page: BrowserPage, selector: string) =>
  page.evaluate<boolean>(`document.querySelector("${selector}").offsetHeight > 0`);
const notice = `document.querySelector(".notice-line")`;
const focused = (page: BrowserPage) => page.evaluate<string>("document.activeElement.className");

test.skipIf(chromium === undefined)(
  "a page whose set was replaced by one of the same shape shows nothing of it, and says so",
  async () => {
    const folder = await makeTestFolder();
    const size = { train: numTrain, test: 0 };
    await makePictureSet(folder, size);
    await writeTestFlags(folder);
    const { origin } = await startServe(folder);
    const page = await BrowserPage.open(`${origin}/browse`, { width: 700, height: 500 });
    await shows(page, `${numTrain} images`);
    expect(await pixelsOf(page, 0)).toEqual([...pictureRow(0).image]);
    await rm(folder, { recursive: true });
    await makePictureSet(folder, { ...size, shift: 3 });
    await writeTestFlags(folder);
    await page.press("End");
    await page.until(`${notice}.textContent.startsWith(${JSON.stringify(changedText)})`);
    const last = `document.querySelector('.tile[data-index="${numTrain - 1}"] canvas')`;
    expect(await page.evaluate(`${last}.classList.contains("empty")`)).toBe(true);
    expect(await countLine(page)).toBe(`${numTrain} images`);
    await page.press("Enter");
    for (const part of [".picture", ".probabilities", ".neighbors"]) {
      await page.until(`document.querySelector("${part} .notice")?.textContent === ${JSON.stringify(changedText)}`);
    }
    await page.press("Escape");
    await page.until(`location.hash === "" && !${notice}.hidden`);
    await page.click(".notice-line button");
    await page.until(`${notice}?.hidden && document.querySelector(".tile")`);
    await page.press("End");
    expect(await pixelsOf(page, numTrain - 1)).toEqual([...pictureRow(numTrain - 1 + 3).image]);
  },
);

test.skipIf(chromium === undefined)(
  "a split that cannot be loaded says why in place of the images, until it can",
  async () => {
    const { page } = await browse("#image=3", [], { width: 390, height: 844 });
    await page.until(`document.querySelector("dialog.image").open`);
    await fail(page, "columns/test");
    await page.evaluate(`location.hash = "#part=test&image=3"`);
    await page.until(`document.querySelector(".message h2")?.textContent === "The test images cannot be shown"`);
    expect(await page.text(".message p")).toBe(unreachableText);
    expect(await page.evaluate(`document.querySelector("dialog.image").open`)).toBe(false);
    expect([await isShown(page, ".image-grid"), await countLine(page)]).toEqual([false, ""]);
    expect(await page.evaluate(`document.querySelector('.chooser [aria-pressed="true"]').value`)).toBe("test");
    expect(await page.text(".facet .count")).toBe("");
    await fail(page, "columns/test", "this cannot be read; the server's own output says why\n");
    await page.click(".message button");
    const said = "The server says: this cannot be read; the server's own output says why";
    await page.until(`document.querySelector(".message p").textContent === ${JSON.stringify(said)}`);
    expect(await page.evaluate(`document.documentElement.scrollWidth - innerWidth`)).toBe(0);
    await page.evaluate(`location.hash = ""`);
    await shows(page, `${numTrain} images`);
    expect([await isShown(page, ".image-grid"), await isShown(page, ".message")]).toEqual([true, false]);
    await page.evaluate(`location.hash = "#part=test"`);
    await page.until(`document.querySelector(".message").offsetHeight > 0`);
    await mend(page);
    await page.evaluate(`document.querySelector(".message button").focus()`);
    await page.press("Enter");
    await shows(page, `${numTest} images`);
    expect(await focused(page)).toContain("grid");
    expect(await isShown(page, ".message")).toBe(false);
  },
);

test.skipIf(chromium === undefined)(
  "what went wrong is said beside the count, until the images come or the view changes",
  async () => {
    const { page } = await browse("", [], { width: 700, height: 500 });
    await fail(page, ".arrow");
    await page.press("End");
    await page.until(`${notice}.textContent === ${JSON.stringify(unreachableText)}`);
    expect(await countLine(page)).toBe(`${numTrain} images`);
    await mend(page);
    await page.until(`${notice}.hidden`);
    const search = async () => {
      await page.press("/", ..."98765", "Enter");
      await page.until(`${notice}.textContent === "No image with id 98765; it may have been removed as a copy"`);
    };
    await search();
    expect(await countLine(page)).toBe(`${numTrain} images`);
    await page.press("Escape");
    expect(await page.evaluate(`${notice}.hidden`)).toBe(true);
    await search();
    await page.evaluate(`document.querySelector(".reset").click()`);
    expect(await page.evaluate(`${notice}.hidden`)).toBe(true);
    // An opened image closes for one that is not there, and its closing does not take the notice away.
    await page.evaluate(`location.hash = "#image=5"`);
    await page.until(`document.querySelector("dialog.image").open`);
    await page.evaluate(`location.hash = "#image=98765"`);
    await page.until(`!document.querySelector("dialog.image").open`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await page.text(".notice-line")).toBe("No image with id 98765 in this split");
    expect(await page.evaluate("location.hash")).toBe("#image=98765");
  },
);

test.skipIf(chromium === undefined)("a filter that keeps nothing says so, and offers to reset it", async () => {
  const { page } = await browse("#confidence=0-0.1&sort=confidence");
  await shows(page, `0 of ${numTrain} images`);
  expect(await page.text(".message h2")).toBe("No image passes these filters");
  expect(await isShown(page, ".image-grid")).toBe(false);
  await page.evaluate(`document.querySelector(".message button").focus()`);
  await page.press("Enter");
  await shows(page, `${numTrain} images`);
  expect(await focused(page)).toContain("grid");
  expect(await pixelsOf(page, 0)).toEqual([...pictureRow(0).image]);
  expect(await page.evaluate("location.hash")).toBe("");
});
