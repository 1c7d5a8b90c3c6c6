/** The code of each worker of a search. It opens its own search for the first batch. */

import { workerData } from "node:worker_threads";
import { once } from "../../core/once.ts";
import type { NearestReferences, Neighbor } from "./nearest-references.ts";
import type { ReferenceIndex } from "./reference-index.ts";
import { openBatchSearch } from "./search-batch.ts";

const index: ReferenceIndex = workerData;
const open = once(() => openBatchSearch(index));

export async function search(images: Uint8Array): Promise<NearestReferences> {
  return await (await open()).search(images);
}

export async function listNeighbors(task: {
  readonly images: Uint8Array;
  readonly numNeighbors: number;
}): Promise<Neighbor[][]> {
  return await (await open()).listNeighbors(task.images, task.numNeighbors);
}
