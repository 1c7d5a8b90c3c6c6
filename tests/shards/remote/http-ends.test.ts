import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import { toReadableStream } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { hashBatches, openFilesUnder } from "./remote-batches.ts";
import { always, isShard, setUp, shuffled } from "./served-dataset.ts";

test("leaving a loop early leaves no request and no file open, and the loop can continue", async () => {
  const { server, local, open, cache } = await setUp();
  server.fault = (asked) => (asked.path === "/train/part-00000.arrow" ? {} : { pauseMs: 20 });
  const remote = await open({ transfer: { partBytes: 20_000 } });
  const loader = remote.loader({ regime: "finite", epochs: 1, batchSize: 10, shuffle: false });
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

test.each(["cancel", "return"] as const)("a loop that waits for a batch that does not come ends by %s", async (way) => {
  const { server, open } = await setUp();
  server.fault = ({ path }) => (path.endsWith(".arrow") ? { stalls: true } : {});
  const dataset = await open({ transfer: { stallMs: 600_000 } });
  const loader = dataset.loader({ regime: "infinite", batchSize: 10, seed: 0 });
  const reader = toReadableStream(loader).getReader();
  const loop = loader[Symbol.asyncIterator]();
  const pending = way === "cancel" ? reader.read() : loop.next();
  while (server.numUnderWay === 0) await sleep(5);
  await (way === "cancel" ? reader.cancel() : loop.return?.());
  expect(await pending).toEqual({ done: true, value: undefined });
  while (server.numUnderWay > 0) await sleep(5);
  server.fault = () => ({});
  // No batch is lost.
  expect(loader.state()).toMatchObject({ position: 0 });
  for await (const { step } of loader) {
    expect(step).toBe(0);
    break;
  }
});

/** Threads cannot import TypeScript, so this is a process of its own. It gets a line when a thread waits for a shard. */
const waitInThread = `
  const { openDataset } = await import(process.env.INDEX);
  const opening = new AbortController();
  const looping = new AbortController();
  const dataset = await openDataset(process.env.URL, { ...JSON.parse(process.env.OPTIONS), signal: opening.signal });
  const stalled = new Promise((resolve) => process.stdin.once("data", resolve)).then(() => process.stdin.unref());
  const endings = {
    break: async (loop) => { for (let step = 0; step < 3; step++) await loop.next(); await stalled; await loop.return(); return loop.next(); },
    close: async (loop) => { const rest = readAll(loop); await stalled; dataset.close(); return rest; },
    signal: async (loop) => { const rest = readAll(loop); await stalled; opening.abort(new Error("enough")); return rest; },
    loaderSignal: async (loop) => { const rest = readAll(loop); await stalled; looping.abort(new Error("enough")); return rest; },
  };
  async function readAll(loop) { for await (const _ of loop); return "all"; }
  const options = { regime: "finite", batchSize: 10, shuffle: false, workers: 1, signal: looping.signal };
  const loop = dataset.loader(options)[Symbol.asyncIterator]();
  console.log(JSON.stringify(await endings[process.env.ENDING](loop).catch(({ code, message }) => code ?? message)));
  dataset.close();`;

test.each([
  ["leaving the loop", "break", { done: true }],
  ["closing the data set", "close", "dataset/closed"],
  ["the data set's signal", "signal", "enough"],
  ["the loader's signal", "loaderSignal", "enough"],
])("where a thread waits for a shard, %s ends its request", async (_, ending, outcome) => {
  const { server, cache } = await setUp();
  const isStalling = ({ path }: { readonly path: string }) => path === "/train/part-00001.arrow";
  server.fault = (asked) => (isStalling(asked) ? { stalls: true } : {});
  const options = { cache: { directory: cache }, memoryBytes: 0, transfer: { stallMs: 600_000 } };
  const child = spawn(process.execPath, ["--input-type=module", "-e", waitInThread], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      ...process.env,
      INDEX: pathToFileURL(join(inject("compiledFolder"), "shards", "index.js")).href,
      URL: server.url,
      OPTIONS: JSON.stringify(options),
      ENDING: ending,
    },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = text(child.stdout);
  while (!server.asked.some(isStalling)) await sleep(5);
  child.stdin.write("\n");
  expect(JSON.parse(await said)).toEqual(outcome);
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
