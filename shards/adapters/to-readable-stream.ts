import type { Batch } from "../loader/batch.ts";
import type { Loader } from "../loader/loader.ts";
import type { ImageArray } from "../rows/samples.ts";

/**
 * Turns a loader into a web stream. Batches are made when they are pulled; canceling ends the loader's loop and closes
 * its files.
 */
export function toReadableStream<Images extends ImageArray>(loader: Loader<Images>): ReadableStream<Batch<Images>> {
  // `ReadableStream.from` would do the same, but not every browser has it.
  const batches = loader[Symbol.asyncIterator]();
  return new ReadableStream<Batch<Images>>(
    {
      async pull(controller) {
        const { done, value } = await batches.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await batches.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
