import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { flagNames } from "../../../shards/format/flags.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { chromium } from "../../support/chromium.ts";
import { hasFlag } from "../../support/write-test-flags.ts";
import {
  browse,
  choose,
  countLine,
  firstLabels,
  idsOf,
  numTest,
  numTrain,
  pixelsOf,
  shows,
  train,
  useBrowsedSets,
} from "./browsed-sets.ts";

const folders = useBrowsedSets();

test.skipIf(chromium === undefined)(
  "every image on the page is that of its row, and only what is visible is fetched",
  async () => {
    const { page, served } = await browse();
    expect(await countLine(page)).toBe(`${numTrain} images`);
    for (const index of [0, 1, 20]) expect(await pixelsOf(page, index)).toEqual([...train[index]!.image]);
    const shards = page.requests.filter((url) => url.includes(".arrow"));
    // The first screen lies in the first of three shards.
    const { file, sha256 } = (await readManifest(folders.main)).splits.train.shards[0]!;
    expect(new Set(shards)).toEqual(new Set([`${served.origin}/dataset/${file}?sha256=${sha256}`]));
    await page.press("End");
    await page.until(`document.querySelector('.tile[data-index="${numTrain - 1}"]')`);
    expect(await pixelsOf(page, numTrain - 1)).toEqual([...train.at(-1)!.image]);
    const drawn = await page.evaluate<number>(`document.querySelectorAll(".tile").length`);
    expect(drawn).toBeLessThan(numTrain);
    expect(page.messages).toEqual([]);
  },
);

test.skipIf(chromium === undefined)(
  "each filter keeps what it says, alone and together, and reset brings all back",
  async () => {
    const { page } = await browse();
    const expectRows = async (keep: (row: (typeof train)[number]) => boolean) => {
      const kept = train.filter(keep);
      await shows(page, kept.length === numTrain ? `${numTrain} images` : `${kept.length} of ${numTrain} images`);
      expect(idsOf(await firstLabels(page))).toEqual(kept.slice(0, 20).map(({ id }) => id));
    };
    await page.click('input[name="label"][value="3"]');
    await expectRows(({ label }) => label === 3);
    await page.click('input[name="label"][value="5"]');
    await expectRows(({ label }) => label === 3 || label === 5);
    await page.click(".check input");
    const isOther = ({ label, asked }: (typeof train)[number]) => asked !== -1 && asked !== label;
    await expectRows((row) => (row.label === 3 || row.label === 5) && isOther(row));
    await page.click(".reset");
    await expectRows(() => true);
    await choose(page, ".range input", "0.9");
    await expectRows(({ confidence }) => confidence >= Math.fround(0.9));
    // The lower end is taken along.
    await choose(page, ".range input:nth-child(2)", "0.6");
    await expectRows(({ confidence }) => confidence >= Math.fround(0.6) && confidence <= Math.fround(0.6));
    await page.click(".reset");
    for (const flag of flagNames) {
      await choose(page, `select[data-flag="${flag}"]`, "with");
      await expectRows(({ id }) => hasFlag(id, flag));
      await choose(page, `select[data-flag="${flag}"]`, "without");
      await expectRows(({ id }) => !hasFlag(id, flag));
      await choose(page, `select[data-flag="${flag}"]`, "");
    }
    await page.click('.chooser button[value="test"]');
    await shows(page, `${numTest} images`);
    expect(idsOf(await firstLabels(page))[0]).toBe(numTrain);
    expect(page.messages).toEqual([]);
  },
);

test.skipIf(chromium === undefined)("counts beside the labels are those of what the other filters keep", async () => {
  const { page } = await browse("#asked=other&label=2");
  const counts = await page.evaluate<string[]>(
    `[...document.querySelectorAll(".facet .count")].map(({ textContent }) => textContent)`,
  );
  expect(counts.map(Number)).toEqual(
    cifar10ClassNames.map(
      (_, label) => train.filter((row) => row.label === label && row.asked !== -1 && row.asked !== label).length,
    ),
  );
});

test.skipIf(chromium === undefined)("images are sorted by each key, rising and falling", async () => {
  const { page } = await browse();
  for (const key of ["confidence", "label", "id"] as const) {
    for (const isFalling of [false, true]) {
      const sorted = [...train].sort((a, b) => a[key] - b[key] || a.id - b.id);
      if (isFalling) sorted.reverse();
      await choose(page, ".sort select", key);
      const pressed = await page.evaluate<string>(
        `document.querySelector(".sort button").getAttribute("aria-pressed")`,
      );
      if ((pressed === "true") !== isFalling) await page.click(".sort button");
      await page.until(
        `document.querySelector('.tile[data-index="0"]').getAttribute("aria-label").startsWith("image ${sorted[0]!.id}:")`,
      );
      expect(idsOf(await firstLabels(page)), `${key} ${isFalling}`).toEqual(sorted.slice(0, 20).map(({ id }) => id));
    }
  }
});

test.skipIf(chromium === undefined)(
  "the keys go from image to image, open and close one, search, and show themselves",
  async () => {
    const { page } = await browse();
    const active = () =>
      page.evaluate<string>(`document.querySelector(".tile.active")?.getAttribute("aria-label") ?? ""`);
    const title = () => page.text("#image-title");
    await page.press("ArrowRight");
    expect(await active()).toMatch(/^image 0:/);
    await page.press("ArrowRight", "ArrowRight");
    expect(await active()).toMatch(/^image 2:/);
    const perRow = await page.evaluate<number>(
      `new Set([...document.querySelectorAll(".tile")].map((tile) => tile.getBoundingClientRect().x)).size`,
    );
    await page.press("ArrowDown");
    expect(await active()).toMatch(new RegExp(`^image ${2 + perRow}:`));
    await page.press("End");
    expect(await active()).toMatch(new RegExp(`^image ${numTrain - 1}:`));
    await page.press("Home", "Enter");
    await page.until(`document.querySelector("dialog.image").open`);
    expect(await title()).toBe("Image 0");
    await page.press("ArrowRight");
    await page.until(`document.querySelector("#image-title").textContent === "Image 1"`);
    expect(await page.evaluate("location.hash")).toBe("#image=1");
    await page.press("Escape");
    await page.until(`!document.querySelector("dialog.image").open && location.hash === ""`);
    await page.press("/");
    expect(await page.evaluate("document.activeElement.type")).toBe("search");
    // An image of the other split is found as well.
    await page.press(..."430", "Enter");
    await page.until(`document.querySelector("#image-title").textContent === "Image 430"`);
    expect(await page.evaluate("location.hash")).toBe("#part=test&image=430");
    await page.press("Escape");
    // The keys go on in the grid, and the next search begins with an empty field.
    expect(await page.evaluate("document.activeElement.className")).toContain("grid");
    await page.press("/", "7", "Enter");
    await page.until(`document.querySelector("#image-title").textContent === "Image 7"`);
    await page.press("Escape");
    await page.press("/", ..."99999", "Enter");
    await page.until(`!document.querySelector(".search input").validity.valid`);
    await page.press("Escape");
    expect(await page.evaluate("document.activeElement.className")).toContain("grid");
    await page.press("?");
    expect(await page.evaluate(`document.querySelector("dialog.help").open`)).toBe(true);
    await page.press("Escape");
    expect(await page.evaluate(`document.querySelector("dialog.help").open`)).toBe(false);
    await page.press("f");
    expect(await page.evaluate(`getComputedStyle(document.querySelector("aside")).display`)).toBe("none");
    expect(page.messages).toEqual([]);
  },
);

test.skipIf(chromium === undefined)("an address shows the same view to others, and Back closes an image", async () => {
  const { page } = await browse("#label=4&confidence=0.7-1&with=leak&sort=confidence&order=falling");
  const kept = train.filter(
    ({ id, label, confidence }) => label === 4 && confidence >= Math.fround(0.7) && hasFlag(id, "leak"),
  );
  await shows(page, `${kept.length} of ${numTrain} images`);
  kept.sort((a, b) => a.confidence - b.confidence || a.id - b.id).reverse();
  expect(idsOf(await firstLabels(page))).toEqual(kept.slice(0, 20).map(({ id }) => id));
  await page.click(".tile");
  await page.until(`document.querySelector("dialog.image").open`);
  await page.evaluate("history.back()");
  await page.until(`!document.querySelector("dialog.image").open`);
  expect(await page.evaluate("location.hash")).not.toContain("image");
});

test.skipIf(chromium === undefined)(
  "an image's own view shows pixels, probabilities, the class asked for, shard and flags",
  async () => {
    const { page } = await browse("#image=210");
    await page.until(`document.querySelectorAll(".probabilities tr").length === 10`);
    await page.until(
      `document.querySelector(".picture canvas") && !document.querySelector(".picture canvas").classList.contains("empty")`,
    );
    const row = train[210]!;
    expect(
      await page.evaluate(
        `[...document.querySelector(".picture canvas").getContext("2d").getImageData(0, 0, 32, 32).data].filter((_, at) => at % 4 < 3)`,
      ),
    ).toEqual([...row.image]);
    const shown = await page.evaluate<string[]>(
      `[...document.querySelectorAll(".probabilities .number")].map(({ textContent }) => textContent)`,
    );
    expect(shown).toEqual([...row.probabilities].map((value) => `${(100 * value).toFixed(1)}%`));
    const facts = await page.text(".facts dl");
    expect(facts).toContain(`${cifar10ClassNames[row.label]}, confidence ${row.confidence.toFixed(3)}`);
    expect(facts).toContain(`${cifar10ClassNames[row.asked]} (differs)`);
    expect(facts).toContain("train/part-00001.arrow, row 60");
    expect(facts).toContain("likely mislabeled");
    // A set without its run can make nothing again.
    expect(await page.evaluate(`document.querySelector(".again")`)).toBe(null);
    await page.click('dialog.image button[aria-label="next image"]');
    await page.until(`document.querySelector("#image-title").textContent === "Image 211"`);
    await page.click('dialog.image button[aria-label="close"]');
    await page.until(`!document.querySelector("dialog.image").open`);
    expect(page.messages).toEqual([]);
  },
);

test.skipIf(chromium === undefined)(
  "an image that is opened while another split is loading is that of the split on screen",
  async () => {
    const { page } = await browse();
    await page.evaluate(`{
      const fetched = window.fetch;
      window.fetch = async (path, ...others) => {
        if (String(path).includes("columns/test")) await new Promise((resolve) => { window.release = resolve; });
        return fetched(path, ...others);
      };
    }`);
    await page.click('.chooser button[value="test"]');
    await page.until("window.release");
    await page.click(".tile");
    await page.until(`document.querySelector("dialog.image").open`);
    expect(await page.evaluate("location.hash")).toBe("#image=0");
    expect(await page.evaluate(`document.querySelector('.chooser [aria-pressed="true"]').value`)).toBe("train");
    await page.evaluate("window.release()");
    await page.press("Escape");
    await page.until(`location.hash === ""`);
    await page.click('.chooser button[value="test"]');
    await shows(page, `${numTest} images`);
    expect(idsOf(await firstLabels(page))[0]).toBe(numTrain);
  },
);

test.skipIf(chromium === undefined)(
  "on a phone nothing is wider than the screen, and the filters open over the images",
  async () => {
    const { page } = await browse("", [], { width: 390, height: 844 });
    const overflow = () => page.evaluate(`document.documentElement.scrollWidth - innerWidth`);
    expect(await overflow()).toBe(0);
    expect(await page.evaluate(`getComputedStyle(document.querySelector("aside")).display`)).toBe("none");
    await page.click(".toggle");
    await page.click('input[name="label"][value="1"]');
    await shows(page, `${train.filter(({ label }) => label === 1).length} of ${numTrain} images`);
    await page.click(".toggle");
    for (const size of ["small", "large", "medium"]) {
      await page.click(`.sizes button[value="${size}"]`);
      expect(await page.evaluate(`document.querySelector(".grid").classList.contains("${size}")`)).toBe(true);
      expect(await overflow()).toBe(0);
    }
    await page.click(".tile");
    await page.until(`document.querySelector("dialog.image").open`);
    expect(await overflow()).toBe(0);
  },
);

test.skipIf(chromium === undefined)("every control has a name, and counts are announced", async () => {
  const { page } = await browse("#label=1");
  const nameless = await page.evaluate<
    string[]
  >(`[...document.querySelectorAll("button, input, select, a, [role=listbox], [role=img]")]
    .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.length))
    .map((element) => element.outerHTML)`);
  expect(nameless).toEqual([]);
  expect(await page.text("h1")).toBe("Images of pictures");
  await page.until(`document.getElementById("status").textContent.endsWith("of ${numTrain} images")`);
});
