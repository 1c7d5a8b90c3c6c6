/** The code of each worker of a search. It opens its own search for the first batch. */

import { workerData } from "node:worker_threads";
import type { NearestReferences, Neighbor } from "./nearest-references.ts";
import type { ReferenceIndex } from "./reference-index.ts";
import { type BatchSearch, openBatchSearch } from "./search-batch.ts";

const index: ReferenceIndex = workerData;
let opened: Promise<BatchSearch> | undefined;

function open(): Promise<BatchSearch> {
  opened ??= openBatchSearch(index);
  return opened;
}

export async function search(images: Uint8Array): Promise<NearestReferences> {
  return await (await open()).search(images);
}

export async function listNeighbors(task: {
  readonly images: Uint8Array;
  readonly numNeighbors: number;
}): Promise<Neighbor[][]> {
  return await (await open()).listNeighbors(task.images, task.numNeighbors);
}
