import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDataset } from "../../../shards/browser/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

test("a batch of more shards than the page's memory holds is refused, and what is advised helps", async () => {
  const folder = await makeTestFolder();
  const { splits } = await makeDataset(folder, { train: 80, test: 0, rowsPerShard: 4 });
  let numShardRequests = 0;
  const server = createServer(async (request, response) => {
    if (request.url!.endsWith(".arrow")) numShardRequests++;
    response.end(await readFile(join(folder, new URL(request.url!, "http://localhost").pathname)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const bytesOfShard = Math.max(...splits.train.shards.map(({ bytes }) => bytes));
  const serve = async (numShards: number, options: { readonly batchSize: number; readonly shuffle?: object }) => {
    const cache = { storage: "none", maxMemoryBytes: numShards * bytesOfShard } as const;
    const dataset = await openDataset(`http://127.0.0.1:${port}/`, { memoryBytes: 0, cache });
    onTestFinished(() => dataset.close());
    let numBatches = 0;
    for await (const _ of dataset.loader({ regime: "finite", numSamples: 80, seed: 0, ...options } as never))
      numBatches++;
    return numBatches;
  };
  await expect(serve(5, { batchSize: 40 })).rejects.toMatchObject({
    code: "store/too-many-shards",
    message: expect.stringMatching(/^cache\.maxMemoryBytes must hold the \d+ shards of .* it holds 5\. Raise it, /),
  });
  expect(numShardRequests).toBe(0);
  expect(await serve(20, { batchSize: 40 })).toBe(2);
  expect(await serve(5, { batchSize: 4 })).toBe(20);
  expect(await serve(5, { batchSize: 8, shuffle: { blockRows: 4, windowBlocks: 2 } })).toBe(10);
});
