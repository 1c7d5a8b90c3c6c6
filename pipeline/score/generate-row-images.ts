import { rm } from "node:fs/promises";
import { join } from "node:path";
import { imageBytes } from "../../core/image-layout.ts";
import { parseJson } from "../../core/parse-json.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { commitBytes } from "../../storage/commit.ts";
import { fileExists, readWholeFile } from "../../storage/read-file.ts";
import type { Config } from "../run/config.ts";
import { requestFrom } from "../run/sample-request.ts";
import { watchMemory } from "./watch-memory.ts";

/** The images of a row, and their cost. */
export interface RowImages {
  /** uint8, shape [n, 32, 32, 3] flattened. */
  readonly images: Uint8Array;
  readonly seconds: number;
  readonly peakMegabytes: number;
}

type PartCost = Omit<RowImages, "images">;

/** Number of images of a part. A part is kept when it is generated. */
const partSize = 500;

/**
 * Generates images 0 to `numImages` − 1, whose noise and classes are the same for every row, in parts. Parts of an
 * interrupted call are used again, with the seconds they took.
 * @param options.folder - a folder for this row only; `forgetRowImages` removes it
 */
export async function generateRowImages(options: {
  readonly sampler: Sampler;
  readonly config: Config;
  readonly numImages: number;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly count: (images: number) => void;
}): Promise<RowImages> {
  const { numImages, folder, signal, count } = options;
  const images = new Uint8Array(numImages * imageBytes);
  let [seconds, peakMegabytes] = [0, 0];
  for (let start = 0; start < numImages; start += partSize) {
    const numInPart = Math.min(partSize, numImages - start);
    const paths = {
      images: join(folder, `images-${String(start).padStart(7, "0")}.u8`),
      cost: join(folder, `images-${String(start).padStart(7, "0")}.json`),
    };
    // The cost is written last: it says that the part is complete.
    if (!(await fileExists(paths.cost))) {
      const { result, ...cost } = await watchMemory(() => renderPart(options, start, start + numInPart, signal));
      await commitBytes(paths.images, result);
      await commitBytes(paths.cost, JSON.stringify(cost satisfies PartCost));
    }
    images.set(await readWholeFile(paths.images), start * imageBytes);
    const cost = parseJson((await readWholeFile(paths.cost)).toString("utf8")) as PartCost;
    seconds += cost.seconds;
    peakMegabytes = Math.max(peakMegabytes, cost.peakMegabytes);
    count(numInPart);
  }
  return { images, seconds, peakMegabytes };
}

/** Removes the files of `generateRowImages` when the row's figures are saved. */
export async function forgetRowImages(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function renderPart(
  { sampler, config }: { readonly sampler: Sampler; readonly config: Config },
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const part = new Uint8Array((end - start) * imageBytes);
  for (let first = start; first < end; first += sampler.batchSize) {
    signal.throwIfAborted();
    const request = requestFrom(first, Math.min(sampler.batchSize, end - first), config.sampler);
    part.set(await sampler.sample(request), (first - start) * imageBytes);
  }
  return part;
}
