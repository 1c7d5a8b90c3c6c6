import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { clampPlan, firstPlan, loaderOptionsOf, worldNames } from "../../../pipeline/serve/client/experiment-plan.ts";
import { openDataset } from "../../../shards/index.ts";
import { runSnippet } from "../../docs/run-snippet.ts";
import { startServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { makePictureSet } from "./make-picture-set.ts";

test.skipIf(chromium === undefined)(
  "both worlds are trained to the end without a GPU, on the ids of the Node loader",
  async () => {
    const folder = await makeTestFolder();
    await makePictureSet(folder, { train: 1500, test: 80 });
    const { origin } = await startServe(folder);
    const page = await BrowserPage.open(`${origin}/experiment`);
    await page.until(`document.querySelector("button.primary")`);
    const startedMs = performance.now();
    await page.click("button.primary");
    await page.until(`/^(Done|Failed)/.test(document.querySelector(".state").textContent)`, 600_000);
    expect(await page.text(".state")).toMatch(
      /^Done in .*\. Test soft error \d\.\d{3} in the real world, \d\.\d{3} in the ideal world: a gap of -?\d\.\d{3}\.$/,
    );
    process.stdout.write(
      `live experiment, s: ${Math.round((performance.now() - startedMs) / 1000)}; ${await page.text(".state")}\n`,
    );
    const plan = firstPlan(1500);
    const dataset = await openDataset(folder);
    const wanted: string[] = [];
    for (const world of worldNames) {
      const ids: number[] = [];
      for await (const batch of dataset.loader(loaderOptionsOf(plan, world))) {
        ids.push(...batch.ids);
        if (ids.length === plan.numBatches * plan.batchSize) break;
      }
      if (world === "ideal") expect(new Set(ids).size).toBe(ids.length);
      else expect(new Set(ids).size).toBe(plan.numSamples);
      wanted.push(createHash("sha256").update(Float64Array.from(ids)).digest("hex"));
    }
    dataset.close();
    expect(
      await page.evaluate(`[...document.querySelectorAll("code[data-world]")].map(({ textContent }) => textContent)`),
    ).toEqual(wanted);
    // The lines on the page print the same.
    expect(await runSnippet("ts", await page.text(".ids pre"), await makeTestFolder())).toBe(`${wanted.join("\n")}\n`);
    // Both curves have as many points as figures; they differ in dashes and markers, not in color alone.
    const [rows, real, ideal] = await page.evaluate<
      number[]
    >(`["tbody tr", "polyline.real", "polyline.ideal"].map((selector) => {
    const [element] = document.querySelectorAll(selector);
    return selector === "tbody tr" ? document.querySelectorAll(selector).length : element.getAttribute("points").split(" ").length;
  })`);
    expect([real, ideal]).toEqual([rows, rows]);
    expect(await page.evaluate(`getComputedStyle(document.querySelector("polyline.ideal")).strokeDasharray`)).not.toBe(
      "none",
    );
    expect(
      await page.evaluate(`["circle.real", "rect.ideal"].every((mark) => document.querySelector(mark) !== null)`),
    ).toBe(true);
    // Chromium warns of its own software renderer; the policy forbids nothing that the page tries.
    expect(page.messages.filter((text) => !/WebGL/.test(text))).toEqual([]);
  },
);

test.skipIf(chromium === undefined)("a set without test images is measured on train images, and says so", async () => {
  const folder = await makeTestFolder();
  await makePictureSet(folder, { train: 100, test: 0 });
  const { origin } = await startServe(folder);
  const page = await BrowserPage.open(`${origin}/experiment`);
  await page.until(`document.querySelector("button.primary")`);
  await page.evaluate(`[...document.querySelectorAll("input[type=number]")][1].value = "2"`);
  await page.click("button.primary");
  await page.until(`/^(Done|Failed)/.test(document.querySelector(".state").textContent)`, 600_000);
  expect(await page.text(".state")).toMatch(/^Done in .*\. Train soft error \d\.\d{3} in the real world/);
  expect(await page.text("svg.curves")).toContain("soft error on train images");
});

test.skipIf(chromium === undefined)(
  "an experiment can be stopped, and numbers that the set cannot feed are corrected",
  async () => {
    const folder = await makeTestFolder();
    await makePictureSet(folder, { train: 400, test: 20 });
    const { origin } = await startServe(folder);
    const page = await BrowserPage.open(`${origin}/experiment`, { width: 390, height: 844 });
    await page.until(`document.querySelector("button.primary")`);
    const limits = () =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll("input[type=number]")].map(({ min, max }) => min + " to " + max)`,
      );
    expect(await limits()).toEqual(["8 to 400", "1 to 50", "1 to 400", "0.0001 to 1", "0 to 4294967296"]);
    expect(await page.text(".plan-note")).toBe("");
    await page.evaluate(
      `document.querySelectorAll("input[type=number]").forEach((input) => { input.value = "1000000"; })`,
    );
    await page.click("button.primary");
    expect(await page.text(".plan-note")).toBe(
      "Changed to what is possible: images of the real world from 1000000 to 400, batches from 1000000 to 1, images a batch from 1000000 to 400, learning rate from 1000000 to 1.",
    );
    expect((await limits()).slice(0, 2)).toEqual(["400 to 400", "1 to 1"]);
    const values = await page.evaluate<string[]>(
      `[...document.querySelectorAll("input[type=number]")].map(({ value }) => value)`,
    );
    expect(values).toEqual(["400", "1", "400", "1", "1000000"]);
    expect(await page.text("button.primary")).toBe("Stop");
    await page.click("button.primary");
    expect(await page.text(".state")).toBe("Stopped.");
    expect(await page.text("button.primary")).toBe("Train both worlds");
    await page.evaluate(
      `["0", "", "4", "5", ""].forEach((value, at) => { document.querySelectorAll("input[type=number]")[at].value = value; })`,
    );
    await page.click("button.primary");
    expect(await page.text(".plan-note")).toBe(
      "Changed to what is possible: images of the real world from 0 to 4, batches to 50, learning rate from 5 to 1, seed to 0.",
    );
    await page.click("button.primary");
    // What is a picture to screen readers has a name.
    expect(await page.evaluate(`document.querySelector("[role=img]").getAttribute("aria-label")`)).toMatch(
      /^Soft error on test images: real world/,
    );
    expect(await page.evaluate(`document.documentElement.scrollWidth - innerWidth`)).toBe(0);
  },
);

test.skipIf(chromium === undefined)(
  "without TensorFlow.js the experiment is not offered, and the page says why",
  async () => {
    const folder = await makeTestFolder();
    await makePictureSet(folder, { train: 30, test: 4 });
    const { origin } = await startServe(folder);
    const page = await BrowserPage.open("about:blank");
    const site = await (await fetch(`${origin}/site.json`)).json();
    await page.answerWith(
      "*site.json",
      JSON.stringify({ ...(site as object), hasTensorFlow: false }),
      "application/json",
    );
    await page.goTo(`${origin}/experiment`);
    await page.until(`document.querySelector("button.primary")?.disabled`);
    expect(await page.text(".state")).toMatch(/^TensorFlow\.js is not installed beside the server\. Run npm install/);
  },
);

test("any numbers become an experiment that the set can feed", () => {
  for (const numRows of [2, 49, 300, 5000, 100_000, 6_000_000]) {
    const plan = firstPlan(numRows);
    for (const one of [
      plan,
      clampPlan(
        { ...plan, batchSize: 7.4, numBatches: 1e9, numSamples: -3, learningRate: Number.NaN, seed: -1 },
        numRows,
      ),
    ]) {
      expect(one.numBatches * one.batchSize).toBeLessThanOrEqual(numRows);
      expect(one.numSamples).toBeGreaterThanOrEqual(one.batchSize);
      expect(one.numSamples).toBeLessThanOrEqual(numRows);
      expect(one.learningRate).toBeGreaterThan(0);
    }
  }
});
