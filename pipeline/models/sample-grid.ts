import { imageBytes, imageSide, numCifar10Classes } from "../../core/image-layout.ts";
import type { Sampler } from "../../generator/sampling/denoiser-sampler.ts";
import { loadSharp } from "../../pictures/load-sharp.ts";
import { requestFrom } from "../run/sample-request.ts";

/** Number of images of each class on a grid. */
const numPerClass = 4;

/**
 * Renders images of a generator, one column per class. The ids are always the same, so grids of a training can be
 * compared.
 * @returns a PNG file
 */
export async function renderSampleGrid(sampler: Sampler): Promise<Uint8Array> {
  const request = requestFrom(0, numPerClass * numCifar10Classes, { conditional: sampler.numClasses > 0 });
  const images = await sampler.sample(request);
  const width = numCifar10Classes * imageSide;
  const height = numPerClass * imageSide;
  const grid = Buffer.alloc(width * height * 3);
  const rowBytes = imageSide * 3;
  for (const id of request.ids) {
    const left = (id % numCifar10Classes) * rowBytes;
    const top = Math.floor(id / numCifar10Classes) * imageSide;
    for (let y = 0; y < imageSide; y++) {
      const source = id * imageBytes + y * rowBytes;
      grid.set(images.subarray(source, source + rowBytes), (top + y) * width * 3 + left);
    }
  }
  const sharp = await loadSharp();
  return await sharp(grid, { raw: { width, height, channels: 3 } })
    .resize(width * 3, height * 3, { kernel: "nearest" })
    .png()
    .toBuffer();
}
