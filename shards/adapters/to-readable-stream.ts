import { ReadableStream } from "node:stream/web";
import type { Batch } from "../loader/batch.ts";
import type { Loader } from "../loader/loader.ts";
import type { ImageArray } from "../rows/samples.ts";

/**
 * A loader as a web stream: batches are made as they are pulled; cancelling ends the loader's loop and closes its files.
 */
export function toReadableStream<Images extends ImageArray>(loader: Loader<Images>): ReadableStream<Batch<Images>> {
  return ReadableStream.from(loader);
}
