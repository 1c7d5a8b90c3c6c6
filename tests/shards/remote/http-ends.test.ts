import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { errorOf } from "../../support/expect-error.ts";
import { hashBatches, openFilesUnder } from "./remote-batches.ts";
import { always, isShard, setUp, shuffled } from "./served-dataset.ts";

test("leaving a loop early leaves no request and no file open, and the loop can continue", async () => {
  const { server, local, open, cache } = await setUp();
  server.fault = (asked) => (asked.path === "/train/part-00000.arrow" ? {} : { pauseMs: 20 });
  const remote = await open({ transfer: { partBytes: 20_000 } });
  const loader = remote.loader({ regime: "finite", batchSize: 10, shuffle: false });
  for await (const _ of loader) break;
  expect(openFilesUnder(cache).filter((path) => path.endsWith(".arrow"))).toEqual([]);
  while (server.numUnderWay > 0 || openFilesUnder(cache).length > 0) await sleep(5);
  const seen: number[] = [];
  for await (const batch of loader) seen.push(...batch.ids);
  const wanted = await local.readImages(Array.from({ length: 130 }, (_, row) => row + 10));
  expect(seen).toEqual([...wanted.ids]);
});

test("closing the dataset, or its signal, ends the wait for a shard and every request", async () => {
  const { server, open, cache } = await setUp();
  server.fault = always({ stalls: true });
  const abort = new AbortController();
  const [closed, aborted] = [await open(), await open({ signal: abort.signal })];
  const waiting = [
    errorOf(() => hashBatches(closed, shuffled), "dataset/closed"),
    expect(hashBatches(aborted, shuffled)).rejects.toThrow("enough"),
  ];
  while (server.asked.filter(({ path }) => isShard(path)).length < 10) await sleep(5);
  closed.close();
  abort.abort(new Error("enough"));
  await Promise.all(waiting);
  while (server.numUnderWay > 0 || openFilesUnder(cache).length > 0) await sleep(5);
  expect((await readdir(join(cache, "shards"))).filter((name) => name.endsWith(".arrow"))).toEqual([]);
});

test("a loader's signal ends the wait for a shard", async () => {
  const { server, open } = await setUp();
  server.fault = always({ stalls: true });
  const abort = new AbortController();
  const waiting = hashBatches(await open(), { ...shuffled, signal: abort.signal });
  while (!server.asked.some(({ path }) => isShard(path))) await sleep(5);
  abort.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  while (server.numUnderWay > 0) await sleep(5);
});

test("with workers, leaving a loop, closing the dataset and its signal end the wait for a shard", async () => {
  const { server, open } = await setUp();
  server.fault = ({ path }) => (path === "/train/part-00001.arrow" ? { stalls: true } : {});
  const options = { regime: "finite", batchSize: 10, shuffle: false, workers: 1 } as const;
  const transfer = { stallMs: 600_000 };
  const stalled = async () => {
    while (!server.asked.some(({ path }) => path === "/train/part-00001.arrow")) await sleep(5);
    server.forget();
  };
  for await (const _ of (await open({ transfer })).loader(options)) {
    await stalled();
    break;
  }
  const closed = await open({ transfer });
  const closing = errorOf(() => hashBatches(closed, options), "dataset/closed");
  await stalled();
  closed.close();
  await closing;
  const abort = new AbortController();
  const aborting = hashBatches(await open({ transfer, signal: abort.signal }), options);
  await stalled();
  abort.abort(new Error("enough"));
  await expect(aborting).rejects.toThrow("enough");
  while (server.numUnderWay > 0) await sleep(5);
});

test.each([0, 1])("a loop over a dataset that is closed meanwhile ends (%i threads)", async (workers) => {
  const { local } = await setUp();
  let numServed = 0;
  const serve = async () => {
    for await (const _ of local.loader({ ...shuffled, workers })) if (++numServed === 2) local.close();
  };
  await errorOf(serve, "dataset/closed");
  expect(numServed).toBe(2);
});
