import { expect, test } from "vitest";
import { startServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { largeRow, makeLargeSet } from "./make-large-set.ts";

const numRows = 6_000_000;

test.skipIf(chromium === undefined)(
  "six million rows are filtered, sorted, scrolled through and searched",
  async () => {
    const folder = await makeTestFolder();
    await makeLargeSet(folder, numRows);
    const { origin } = await startServe(folder);
    const startedMs = performance.now();
    const page = await BrowserPage.open(`${origin}/browse`);
    const countIs = (text: string) =>
      page.until(`document.querySelector(".count-line")?.textContent === ${JSON.stringify(text)}`);
    await countIs("6,000,000 images");
    const report: Record<string, number> = { "labels loaded, ms": Math.round(performance.now() - startedMs) };
    // The time of a click includes filtering, counting and drawing the first images' tiles.
    const timeOf = async (name: string, act: string) => {
      report[`${name}, ms`] = Math.round(
        await page.evaluate<number>(`(async () => {
        const start = performance.now();
        const before = document.querySelector(".tile")?.getAttribute("aria-label");
        ${act};
        await new Promise((resolve) => setTimeout(resolve));
        return performance.now() - start;
      })()`),
      );
    };
    const counts = { ofCats: 0, ofOther: 0, sure: 0 };
    let [surest, surestRow] = [0, 0];
    for (let row = 0; row < numRows; row++) {
      const { label, asked, confidence } = largeRow(row);
      if (label === 3) counts.ofCats++;
      if (label === 3 && asked !== label) counts.ofOther++;
      if (label === 3 && asked !== label && confidence >= Math.fround(0.9)) counts.sure++;
      if (label === 3 && asked !== label && confidence >= surest) [surest, surestRow] = [confidence, row];
    }
    await timeOf("by label", `document.querySelector('input[name="label"][value="3"]').click()`);
    await countIs(`${counts.ofCats.toLocaleString("en")} of 6,000,000 images`);
    await timeOf("by label and class", `document.querySelector(".check input").click()`);
    await countIs(`${counts.ofOther.toLocaleString("en")} of 6,000,000 images`);
    await timeOf(
      "by label, class and confidence",
      `(({ input }) => { input.value = "0.9"; input.dispatchEvent(new Event("input")); })({ input: document.querySelector(".range input") })`,
    );
    await countIs(`${counts.sure.toLocaleString("en")} of 6,000,000 images`);
    const firstIs = (id: number) =>
      page.until(
        `document.querySelector('.tile[data-index="0"]').getAttribute("aria-label").startsWith("image ${id}:")`,
      );
    await timeOf(
      "sort a part",
      `(({ select }) => { select.value = "confidence"; select.dispatchEvent(new Event("change")); })({ select: document.querySelector(".sort select") })`,
    );
    await page.click(".sort button");
    await firstIs(largeRow(surestRow).id);
    await timeOf("reset", `document.querySelector(".reset").click()`);
    await countIs("6,000,000 images");
    await timeOf(
      "sort all",
      `(({ select }) => { select.value = "confidence"; select.dispatchEvent(new Event("change")); })({ select: document.querySelector(".sort select") })`,
    );
    await timeOf(
      "sort all by id again",
      `(({ select }) => { select.value = "id"; select.dispatchEvent(new Event("change")); })({ select: document.querySelector(".sort select") })`,
    );
    // The box is higher than browsers can lay out, so its end is a matter of arithmetic.
    await page.evaluate(`document.querySelector(".grid").focus()`);
    await page.press("End");
    const lastId = largeRow(numRows - 1).id;
    await page.until(
      `document.querySelector(".tile.active")?.getAttribute("aria-label").startsWith("image ${lastId}:")`,
    );
    const isDrawn = (index: number) =>
      `Boolean(document.querySelector('.tile[data-index="${index}"] canvas:not(.empty)'))`;
    await page.until(isDrawn(numRows - 1));
    const place = await page.evaluate<number[]>(
      `(({ tile, grid }) => [tile.top - grid.top, grid.bottom - tile.bottom])({ tile: document.querySelector(".tile.active").getBoundingClientRect(), grid: document.querySelector(".grid").getBoundingClientRect() })`,
    );
    expect(Math.min(...place)).toBeGreaterThanOrEqual(-1);
    // The scroll bar dragged to the middle shows the middle.
    await page.evaluate(
      `document.querySelector(".grid").scrollTop = document.querySelector(".spacer").clientHeight / 2`,
    );
    const middle = `Number(document.querySelector(".tile").dataset.index)`;
    await page.until(`Math.abs(${middle} - ${numRows / 2}) < ${numRows / 1000}`);
    // The wheel goes on from there, row by row, forwards and backwards.
    const before = await page.evaluate<number>(
      `Math.min(...[...document.querySelectorAll(".tile")].map(({ dataset }) => Number(dataset.index)))`,
    );
    await page.evaluate(
      `(() => { window.gaps = []; let last = performance.now(); const tick = (now) => { window.gaps.push(now - last); last = now; requestAnimationFrame(tick); }; requestAnimationFrame(tick); })()`,
    );
    for (let turn = 0; turn < 20; turn++) await page.wheel(".grid", 300);
    await page.until(
      `Math.min(...[...document.querySelectorAll(".tile")].map(({ dataset }) => Number(dataset.index))) > ${before + 200}`,
    );
    const after = await page.evaluate<number>(
      `Math.min(...[...document.querySelectorAll(".tile")].map(({ dataset }) => Number(dataset.index)))`,
    );
    expect(after - before).toBeLessThan(2000);
    report["longest frame of the wheel, ms"] = Math.round(await page.evaluate<number>("Math.max(...window.gaps)"));
    report["median frame of the wheel, ms"] = Math.round(
      await page.evaluate<number>("window.gaps.sort((a, b) => a - b)[window.gaps.length >> 1]"),
    );
    const wanted = largeRow(5_432_109).id;
    await page.press("/", ...String(wanted), "Enter");
    await page.until(`document.querySelector("#image-title")?.textContent === "Image ${wanted}"`);
    expect(await page.text(".facts dl")).toContain("train/part-00010.arrow, row 432,109");
    expect(page.messages).toEqual([]);
    process.stdout.write(`${JSON.stringify(report)}\n`);
  },
);
