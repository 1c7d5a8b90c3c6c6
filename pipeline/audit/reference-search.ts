import { extname } from "node:path";
import { Piscina } from "piscina";
import { imageBytes } from "../../core/image-layout.ts";
import { availableThreads } from "../../engine/available-threads.ts";
import { allocateNearest, copyNearest, type NearestReferences, type Neighbor } from "./nearest-references.ts";
import type { ReferenceIndex } from "./reference-index.ts";
import { searchBatchSize } from "./search-batch.ts";

/** Finds the nearest CIFAR-10 images of any number of images, on all cores. */
export interface ReferenceSearch {
  /**
   * @param images - uint8 [n, 32, 32, 3] flattened
   * @param options.count - receives the number of images that were just done
   * @throws the signal's reason
   */
  search(
    images: Uint8Array,
    options: { readonly signal: AbortSignal; readonly count?: (images: number) => void },
  ): Promise<NearestReferences>;
  /** See `BatchSearch.listNeighbors`. */
  listNeighbors(images: Uint8Array, numNeighbors: number): Promise<Neighbor[][]>;
  close(): Promise<void>;
}

/** Starts one worker per core. The results do not depend on their number. */
export function openReferenceSearch(index: ReferenceIndex, numWorkers: number = availableThreads()): ReferenceSearch {
  const pool = new Piscina({
    // The worker has the same file extension as this file: .ts, or .js if compiled.
    filename: new URL(`search-worker${extname(import.meta.url)}`, import.meta.url).href,
    name: "search",
    minThreads: numWorkers,
    maxThreads: numWorkers,
    workerData: index,
  });
  const running = new Set<Promise<unknown>>();
  const runTask = async <Result>(name: "search" | "listNeighbors", task: unknown): Promise<Result> => {
    const result: Promise<Result> = pool.run(task, { name });
    running.add(result);
    try {
      return await result;
    } finally {
      running.delete(result);
    }
  };
  return {
    search: async (images, { signal, count }) => {
      const numImages = images.length / imageBytes;
      const found = allocateNearest(numImages);
      const searchFrom = async (start: number) => {
        signal.throwIfAborted();
        const end = Math.min(numImages, start + searchBatchSize);
        const batch = images.slice(start * imageBytes, end * imageBytes);
        copyNearest(await runTask<NearestReferences>("search", batch), found, start);
        count?.(end - start);
      };
      let next = 0;
      const runner = async () => {
        while (next < numImages) {
          const start = next;
          next += searchBatchSize;
          await searchFrom(start).catch((thrown: unknown) => {
            // The other runners begin no further batch.
            next = numImages;
            throw thrown;
          });
        }
      };
      const ended = await Promise.allSettled(Array.from({ length: numWorkers + 1 }, runner));
      const failed = ended.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      return found;
    },
    listNeighbors: (images, numNeighbors) => runTask("listNeighbors", { images: images.slice(), numNeighbors }),
    close: async () => {
      // If a worker is terminated while its session runs, the whole process ends with SIGABRT.
      await Promise.allSettled(running);
      await pool.destroy();
    },
  };
}
