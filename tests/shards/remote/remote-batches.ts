import { readdirSync, readlinkSync } from "node:fs";
import type { Batch, Dataset, LoaderOptions, OpenOptions } from "../../../shards/index.ts";
import { hashValues } from "../../support/make-rows.ts";

/** Transfer options under which a test of failures takes no time. */
export const quick = { firstDelayMs: 1, maxDelayMs: 2, tries: 4, stallMs: 2000 } satisfies OpenOptions["transfer"];

/** A batch as one text, for comparisons. */
export function hashOf(batch: Batch): string {
  return [hashValues(batch.images), hashValues(batch.labels), hashValues(batch.ids), batch.epoch, batch.step].join();
}

/** Hashes of all batches of a loader. */
export async function hashBatches(dataset: Dataset, options: LoaderOptions): Promise<string[]> {
  const hashes: string[] = [];
  const loader = dataset.loader(options);
  for await (const batch of loader) if (hashes.push(hashOf(batch)) === loader.numBatches) break;
  return hashes;
}

/** Files that this process has open below a folder, also those that were removed; none where /proc is not. */
export function openFilesUnder(folder: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}
