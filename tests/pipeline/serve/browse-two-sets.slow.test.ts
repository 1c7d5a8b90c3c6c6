import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { writeDataset } from "../../../shards/format/write-dataset.ts";
import { startServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { browse, firstLabels, numTrain, shows, train, useBrowsedSets } from "./browsed-sets.ts";
import { makePictureSet } from "./make-picture-set.ts";

const folders = useBrowsedSets();

/** Probabilities of rows whose labels go round. */
const oneHot = (numRows: number, numClasses: number) =>
  Float32Array.from({ length: numRows * numClasses }, (_, at) =>
    Number(at % numClasses === Math.floor(at / numClasses) % numClasses),
  );

test.skipIf(chromium === undefined)("two sets stand side by side, by id and under the same filter", async () => {
  const { page } = await browse("#set=both&label=6", ["--compare", folders.other]);
  const inBoth = train.filter(({ id, label }) => label === 6 && id < 250);
  const kept = train.filter(({ label }) => label === 6).length;
  await shows(page, `${inBoth.length} ids in both; the filter keeps ${kept} of A and ${inBoth.length} of B`);
  await page.until(`document.querySelectorAll('.tile[data-index="0"] canvas:not(.empty)').length === 2`);
  expect(await page.text(".facet .count")).toMatch(/^\d+ · \d+$/);
  const heightsOf = (set: string) =>
    page.evaluate<number[]>(
      `[...document.querySelectorAll(".histogram .${set}")].map((bar) => Number(bar.getAttribute("height")))`,
    );
  const binsOf = (rows: typeof train) => {
    const bins = new Array<number>(20).fill(0);
    for (const { label, confidence } of rows) if (label === 6) bins[Math.floor(confidence * 20)]!++;
    return bins.map((count) => count / rows.filter(({ label }) => label === 6).length);
  };
  const [shares, sharesOfOther] = [binsOf(train), binsOf(train.slice(0, 250))];
  const largest = Math.max(...shares, ...sharesOfOther);
  const toHeight = (share: number) => expect.closeTo((44 * share) / largest, 6);
  expect(await heightsOf("set-a")).toEqual(shares.map(toHeight));
  expect(await heightsOf("set-b")).toEqual(sharesOfOther.map(toHeight));
  await page.click(".tile");
  await page.until(`document.querySelectorAll(".image-view .one").length === 2`);
  expect(
    await page.evaluate(`[...document.querySelectorAll(".one > h3, .sets p")].map(({ textContent }) => textContent)`),
  ).toEqual(["A: pictures", "B: others", "A: pictures", "B: others"]);
  await page.press("Escape");
  await page.click('.chooser button[value="b"]');
  await shows(page, `${inBoth.length} of 250 images`);
  await page.click('.chooser button[value="a"]');
  await shows(page, `${kept} of ${numTrain} images`);
  expect(page.messages).toEqual([]);
});

test.skipIf(chromium === undefined)(
  "a page that was opened before its set grew says so, instead of mixing the two",
  async () => {
    const folder = await makeTestFolder();
    await makePictureSet(folder, { train: 100, test: 50 });
    const { origin } = await startServe(folder);
    const page = await BrowserPage.open(`${origin}/browse`);
    await page.until(`document.querySelector(".count-line")?.textContent === "100 images"`);
    await rm(folder, { recursive: true });
    await makePictureSet(folder, { train: 120, test: 50 });
    await page.click('.chooser button[value="test"]');
    await page.until(`document.querySelector(".message h2")?.textContent === "The test images cannot be shown"`);
    expect(await page.text(".message p")).toBe("The set has changed since this page was opened. Load the page anew.");
    await page.click(".message button");
    await shows(page, "50 images");
    expect(await page.evaluate("location.hash")).toBe("#part=test");
    expect((await firstLabels(page))[0]).toMatch(/^image 120:/);
  },
);

test.skipIf(chromium === undefined)("sets with other classes are shown under the names of their own", async () => {
  const others = await makeTestFolder();
  const classNames = ["airplane", ...Array.from({ length: 11 }, (_, at) => `other ${at + 1}`)];
  await writeDataset(others, {
    ...{ name: "others", classNames, rowsPerShard: 100 },
    train: [{ images: new Uint8Array(3072 * 24), probabilities: oneHot(24, 12), classes: new Array(24).fill(-1) }],
    test: [],
  });
  const { page } = await browse("#set=b&label=11", ["--compare", others]);
  await shows(page, "2 of 24 images");
  const facets = () =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll(".facet")].filter(({ hidden }) => !hidden).map((facet) => facet.querySelector(".name").textContent)`,
    );
  expect(await facets()).toEqual(classNames);
  await page.click('.chooser button[value="a"]');
  await shows(page, `0 of ${numTrain} images`);
  expect(await facets()).toEqual(cifar10ClassNames);
  await page.click('.chooser button[value="both"]');
  await page.until(`document.querySelector(".count-line").textContent.includes("in both")`);
  expect((await facets()).slice(0, 2)).toEqual(["airplane", "automobile | other 1"]);
  expect((await facets()).slice(10)).toEqual(["other 10", "other 11"]);
  expect(page.messages).toEqual([]);
});
