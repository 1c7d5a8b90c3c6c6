import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRunCifarImage, readSample, type ServedRun } from "../../../pipeline/serve/served-run.ts";
import { writeTable } from "../../../shards/arrow/write-table.ts";
import { flagColumns } from "../../../shards/format/flags.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset } from "../../../shards/index.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { replaceBytes, replaceFile } from "../../../storage/commit.ts";
import { startStandInServe } from "../../scripts/start-serve.ts";
import { BrowserPage, chromium } from "../../support/chromium.ts";
import { makeCifar10 } from "../../support/make-cifar-10.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runBuild, smallConfig } from "../../support/run-build.ts";
import { mirrored, standInRuntime } from "../../support/stand-in-runtime.ts";
import { cifarImage, makeServedRun } from "./make-served-run.ts";

const post = (origin: string, id: number | string, headers: Record<string, string> = { "x-cifar5m-page": "1" }) =>
  fetch(`${origin}/again/${id}`, { method: "POST", headers });

test("an image is made again by the page of this server only, one at a time, and byte-equality is what it is", async () => {
  const { root, planted } = await makeServedRun();
  const { origin } = await startStandInServe(root, 300);
  const answers = await Promise.all([post(origin, 5), post(origin, 5)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 429]);
  expect(await answers.find(({ status }) => status === 200)!.json()).toMatchObject({
    id: 5,
    isEqual: true,
    numDiffering: 0,
  });
  // The server's stand-in plants nothing, so what was planted is made differently.
  const other = (await (await post(origin, 30)).json()) as { isEqual: boolean; numDiffering: number; image: string };
  const made = Buffer.from(other.image, "base64");
  expect(other.isEqual).toBe(false);
  expect(other.numDiffering).toBe(planted.get(30)!.filter((value, at) => value !== made[at]).length);
  expect((await post(origin, 5, {})).status).toBe(403);
  expect((await post(origin, 5, { "x-cifar5m-page": "1", origin: "http://evil.example" })).status).toBe(403);
  const removed = await post(origin, 7);
  expect(removed.status).toBe(409);
  expect(await removed.text()).toMatch(/^regenerate\/removed: /);
  expect((await post(origin, "../run")).status).toBe(405);
  expect((await fetch(`${origin}/again/5`)).status).toBe(404);
  const wish = {
    origin: "http://evil.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-cifar5m-page",
  };
  expect(
    (await fetch(`${origin}/again/5`, { method: "OPTIONS", headers: wish })).headers.get("access-control-allow-origin"),
  ).toBe(null);
});

test("samples and CIFAR-10 come byte for byte, and no number leads elsewhere", async () => {
  const { root, served } = await makeServedRun();
  const { origin } = await startStandInServe(root);
  const bytesOf = async (path: string) => new Uint8Array(await (await fetch(`${origin}${path}`)).arrayBuffer());
  for (const id of [0, 7, 49]) expect(await bytesOf(`/samples/${id}`)).toEqual(await readSample(served, id));
  expect(await bytesOf("/cifar-10/train/8")).toEqual(cifarImage(1, 2));
  expect(await bytesOf("/cifar-10/test/4")).toEqual(cifarImage(5, 4));
  for (const path of [
    "/samples/50",
    "/samples/-1",
    "/samples/1e3",
    "/samples/9999999999999999",
    "/cifar-10/train/30",
    "/cifar-10/test/999999999",
  ]) {
    expect((await fetch(`${origin}${path}`)).status, path).toBe(404);
  }
  for (const path of [
    "/facts/train/99999.json",
    "/facts/../run.json",
    "/removed/x.json",
    "/samples/",
    "/cifar-10/both/1",
    "/run.json",
  ]) {
    expect((await fetch(`${origin}${path}`)).status, path).toBe(404);
  }
});

/** Writes flags that name, for each row, CIFAR-10 train image 8 and its true distance; for odd ids, a wrong one. */
async function writeNeighbors(served: ServedRun): Promise<void> {
  const directory = served.folder.dataset;
  const manifest = await readManifest(directory);
  const reference = (await readRunCifarImage(served, "train", 8))!;
  const samples = await Promise.all(
    (["train", "test"] as const).map(async (split) => {
      const dataset = await openDataset(directory, { split });
      return dataset.readImages(Array.from({ length: dataset.numSamples }, (_, row) => row));
    }),
  );
  const ids = samples.flatMap((part) => [...part.ids]);
  const images = samples.flatMap((part) =>
    [...part.ids.keys()].map((row) => part.images.subarray(row * 3072, (row + 1) * 3072)),
  );
  const distances = images.map((image, row) => {
    const compared = ids[row]! % 4 === 0 ? mirrored(reference) : reference;
    return Math.sqrt(image.reduce((sum, value, at) => sum + (value - compared[at]!) ** 2, 0)) + (ids[row]! % 2);
  });
  const of = (value: (row: number) => number) => Float64Array.from(ids, (_, row) => value(row));
  const columns = Object.fromEntries(
    Object.entries(flagColumns).map(([name, type]) => {
      const value = (row: number) =>
        ({
          id: ids[row]!,
          trainIndex: 8,
          trainDistance: distances[row]!,
          trainSecondDistance: 2 * distances[row]!,
          trainMirrored: Number(ids[row]! % 4 === 0),
          testIndex: -1,
          duplicateOf: ids[row] === 31 ? 30 : -1,
        })[name] ?? 0;
      return [
        name,
        type === "uint8" ? Uint8Array.from(of(value)) : type === "float32" ? Float32Array.from(of(value)) : of(value),
      ];
    }),
  );
  const { bytes, sha256 } = await replaceFile(join(directory, "flags.arrow"), async (sink) => {
    await writeTable(sink, flagColumns, [columns as never]);
  });
  await replaceBytes(
    join(directory, "flags.json"),
    sealJson({ version: 1, dataset: manifest.sha256, rows: ids.length, bytes, sha256, createdBy: "tests" }),
  );
}

test("a neighbor's picture is shown where its distance proves that it is the image that was compared", async () => {
  const { root, served } = await makeServedRun();
  await writeNeighbors(served);
  const { origin } = await startStandInServe(root);
  for (const row of [0, 1, 2, 3, 4]) {
    const facts = (await (await fetch(`${origin}/facts/train/${row}.json`)).json()) as {
      id: number;
      neighbors: object[];
    };
    expect(facts.neighbors).toHaveLength(1);
    expect(facts.neighbors[0]).toMatchObject({
      split: "train",
      index: 8,
      hasPicture: facts.id % 2 === 0,
      isMirrored: facts.id % 4 === 0,
    });
  }
  await rm(served.folder.cifar10, { recursive: true });
  const facts = (await (await fetch(`${origin}/facts/train/0.json`)).json()) as { neighbors: object[] };
  expect(facts.neighbors[0]).toMatchObject({ hasPicture: false });
});

test.skipIf(chromium === undefined)(
  "the page shows removed copies with their partners, neighbors, and what is made again",
  async () => {
    const { root, served } = await makeServedRun();
    await writeNeighbors(served);
    const { origin } = await startStandInServe(root);
    const page = await BrowserPage.open(`${origin}/browse#part=removed`);
    await page.until(`document.querySelectorAll(".removed").length > 0`);
    const copies = await page.evaluate<string[]>(
      `[...document.querySelectorAll(".removed figcaption")].map(({ textContent }) => textContent)`,
    );
    expect(copies).toEqual([
      "train 7copies CIFAR-10 train 3",
      "train 12mirrors CIFAR-10 train 8",
      "train 20copies CIFAR-10 test 4",
      "train 31mirrors kept: 30",
    ]);
    expect(await page.text(".count-line")).toBe(
      "4 removed copies: 2 copies of CIFAR-10 train images, 1 copies of CIFAR-10 test images, 1 copies within the set",
    );
    await page.until(`document.querySelectorAll(".removed canvas:not(.empty)").length === 8`);
    // Nothing of another view stands beside them.
    expect(
      await page.evaluate(`[".image-grid", ".filters"].map((part) => document.querySelector(part).offsetHeight)`),
    ).toEqual([0, 0]);
    const [copy, partner] = await page.evaluate<number[][]>(
      `[...document.querySelectorAll(".removed canvas")].slice(0, 2).map((canvas) => [...canvas.getContext("2d").getImageData(0, 0, 32, 32).data])`,
    );
    expect(copy).toEqual(partner);
    await page.goTo(`${origin}/browse#image=4`);
    await page.reload();
    await page.until(`document.querySelector(".neighbors canvas.mirrored:not(.empty)")`);
    expect(await page.text(".neighbors")).toMatch(
      /Nearest in CIFAR-10train 8, mirroredRMS distance [\d.]+ \(of 255\); ratio to second nearest 0\.50/,
    );
    await page.evaluate(`document.querySelector(".again").focus()`);
    await page.press("Enter");
    await page.until(`document.querySelector(".again-result .good")`);
    expect(await page.text(".again-result")).toBe("✓ equal to the stored image, byte for byte");
    // The keys still go from image to image, also from within what is replaced.
    expect(await page.evaluate("document.activeElement.className")).toBe("again");
    for (const id of [5, 6]) {
      await page.press("ArrowRight");
      await page.until(`document.querySelector("#image-title").textContent === "Image ${id}"`);
    }
    await page.goTo(`${origin}/browse#image=30`);
    await page.until(
      `document.querySelector("#image-title").textContent === "Image 30" && document.querySelector(".again")`,
    );
    await page.click(".again");
    await page.until(`document.querySelector(".again-result .bad")`);
    expect(await page.evaluate(`document.querySelectorAll(".again-result canvas").length`)).toBe(2);
    // What is equal to what the server stores now may differ from what the page shows.
    const made = { isEqual: true, image: Buffer.alloc(3072, 7).toString("base64") };
    await page.answerWith("*again/30", JSON.stringify(made), "application/json");
    await page.click(".again");
    await page.until(`document.querySelector(".again-result").textContent.startsWith("The set has changed")`);
    expect(page.messages).toEqual([]);
  },
);

test("a run that cannot be read does not hide its set", async () => {
  const { root, served } = await makeServedRun();
  await writeFile(served.folder.config, "{");
  const { origin, errors } = await startStandInServe(root);
  expect((await fetch(`${origin}/dataset/manifest.json`)).status).toBe(200);
  expect(await (await fetch(`${origin}/site.json`)).json()).toMatchObject({
    hasDataset: true,
    hasRun: false,
    canMakeAgain: false,
  });
  expect((await post(origin, 5)).status).toBe(405);
  expect(errors()).not.toBe("");
});

test.skipIf(chromium === undefined)("each removed copy is listed once, however often more are asked for", async () => {
  const [root, data] = [join(await makeTestFolder(), "run"), join(await makeTestFolder(), "cifar-10")];
  await makeCifar10(data);
  const planted = new Map(Array.from({ length: 251 }, (_, at) => [at * 10, cifarImage(0, 3)]));
  const config = { ...smallConfig, count: 2520, testCount: 0, unitSize: 840, sampler: {}, labeling: {} };
  await runBuild({ root, runtime: standInRuntime({ planted }), sources: { data }, config });
  const { origin } = await startStandInServe(root);
  const page = await BrowserPage.open(`${origin}/browse#part=removed`);
  await page.until(`document.querySelectorAll(".removed").length === 200`);
  const more = `[...document.querySelectorAll(".removed-view button")].at(-1)`;
  await page.evaluate(`${more}.focus(); ${more}.click(); ${more}.click()`);
  await page.until(`${more}.hidden && document.querySelectorAll(".removed").length >= 251`);
  const ids = await page.evaluate<string[]>(
    `[...document.querySelectorAll(".removed figcaption strong")].map(({ textContent }) => textContent)`,
  );
  expect(ids).toEqual([...planted.keys()].map((id) => `train ${id}`));
  // The button has gone; the keys scroll the copies.
  expect(await page.evaluate("document.activeElement.className")).toBe("removed-view");
});
