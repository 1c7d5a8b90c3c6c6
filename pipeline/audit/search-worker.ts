/** The code of each worker of a search. It opens its own search for the first batch. */

import { workerData } from "node:worker_threads";
import type { NearestReferences } from "./nearest-references.ts";
import type { ReferenceIndex } from "./reference-index.ts";
import { type BatchSearch, openBatchSearch } from "./search-batch.ts";

const index: ReferenceIndex = workerData;
let search: Promise<BatchSearch> | undefined;

export default async function searchInWorker(images: Uint8Array): Promise<NearestReferences> {
  search ??= openBatchSearch(index);
  return await (await search).search(images);
}
