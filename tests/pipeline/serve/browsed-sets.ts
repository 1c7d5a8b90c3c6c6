import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type Served, startServe } from "../../scripts/start-serve.ts";
import { BrowserPage } from "../../support/chromium.ts";
import { writeTestFlags } from "../../support/write-test-flags.ts";
import { makePictureSet, pictureRow } from "./make-picture-set.ts";

export const [numTrain, numTest] = [400, 60];
const folders = { main: "", other: "" };
/** The train rows of the main set. */
export const train = Array.from({ length: numTrain }, (_, id) => ({ id, ...pictureRow(id) }));

/** Makes the sets before the tests of a file, and removes them afterwards. @returns their folders */
export function useBrowsedSets(): Readonly<typeof folders> {
  beforeAll(async () => {
    folders.main = await mkdtemp(join(tmpdir(), "cifar5m-browse-"));
    folders.other = await mkdtemp(join(tmpdir(), "cifar5m-browse-"));
    await makePictureSet(folders.main, { train: numTrain, test: numTest });
    await makePictureSet(folders.other, { train: 250, test: 0, name: "others" });
    await writeTestFlags(folders.main);
  });

  afterAll(async () => {
    for (const folder of Object.values(folders)) await rm(folder, { recursive: true, force: true });
  });
  return folders;
}

/** Opens the page and waits for its images. */
export async function browse(
  hash = "",
  args: readonly string[] = [],
  size: { width?: number; height?: number } = {},
): Promise<{ page: BrowserPage; served: Served }> {
  const served = await startServe(folders.main, args);
  const page = await BrowserPage.open(`${served.origin}/browse${hash}`, size);
  await page.until(`document.querySelector(".count-line")?.textContent.match(/image|id/)`);
  return { page, served };
}

export const countLine = (page: BrowserPage) => page.text(".count-line");
export const shows = (page: BrowserPage, text: string) =>
  page.until(`document.querySelector(".count-line").textContent === ${JSON.stringify(text)}`);
export const firstLabels = (page: BrowserPage) =>
  page.evaluate<string[]>(
    `[...document.querySelectorAll(".tile")].sort((a, b) => a.dataset.index - b.dataset.index).slice(0, 20).map((tile) => tile.getAttribute("aria-label"))`,
  );
export const idsOf = (labels: readonly string[]) => labels.map((label) => Number(/^image (\d+):/.exec(label)![1]));
/** The pixels of tiles, red, green and blue, once they have come. */
export const pixelsOf = async (page: BrowserPage, index: number) => {
  const tile = `document.querySelector('.tile[data-index="${index}"] canvas')`;
  await page.until(`${tile} && !${tile}.classList.contains("empty")`);
  return page.evaluate<number[]>(
    `[...${tile}.getContext("2d").getImageData(0, 0, 32, 32).data].filter((_, at) => at % 4 < 3)`,
  );
};
export const choose = (page: BrowserPage, selector: string, value: string) =>
  page.evaluate(
    `(() => { const select = document.querySelector('${selector}'); select.value = "${value}"; select.dispatchEvent(new Event(select.matches("select") ? "change" : "input")); })()`,
  );
