import { extname } from "node:path";
import { Piscina } from "piscina";
import { imageBytes } from "../../../core/image-layout.ts";
import type { NoiseTask } from "./noise-worker.ts";

/** Images times calls of one task: about a millisecond. */
const imagesPerTask = 64;
/** Threads at most: they make the noise of 400,000 images a second. */
const mostThreads = 8;

/** Without work for so long a thread ends. To start one takes longer than the noise of a batch. */
const idleMs = 10_000;

/** Makes noise in threads of its own, so that neither the main thread nor a device that waits for it has to. */
export class NoiseMaker {
  readonly #pool: Piscina<NoiseTask, void>;

  /** @param numThreads - threads of the whole computation; as many make noise, if there is enough to make */
  constructor(numThreads: number) {
    this.#pool = new Piscina({
      // The worker has the same file extension as this file: .ts, or .js if compiled.
      filename: new URL(`noise-worker${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: 1,
      idleTimeout: idleMs,
      maxThreads: Math.max(1, Math.min(mostThreads, numThreads)),
    });
  }

  /** Fills `out` as `NoiseTask` says. Several threads share a large task. */
  async fill(task: NoiseTask): Promise<void> {
    const { ids, skips, out } = task;
    const callsPerTask = Math.max(1, Math.floor(imagesPerTask / ids.length));
    const parts: NoiseTask[] = [];
    for (let call = 0; call < skips.length; call += callsPerTask) {
      const calls = skips.slice(call, call + callsPerTask);
      // Images of one call lie side by side, those of several calls only if the images are all of them.
      const step = calls.length === 1 ? imagesPerTask : ids.length;
      for (let image = 0; image < ids.length; image += step) {
        const images = ids.slice(image, image + step);
        const from = (call * ids.length + image) * imageBytes;
        const size = calls.length * images.length * imageBytes;
        parts.push({ ...task, ids: images, skips: calls, out: out.subarray(from, from + size) });
      }
    }
    await Promise.all(parts.map((part) => this.#pool.run(part)));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
