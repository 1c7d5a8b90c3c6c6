import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { expect, inject, onTestFinished, test } from "vitest";
import type { OpenOptions, openDataset } from "../../../shards/index.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { collectBatches, hashBatch } from "../../support/open-test-dataset.ts";
import { hashBatches, hashOf, openFilesUnder } from "./remote-batches.ts";
import { rowsPerShard, setUp, shuffled } from "./set-up-cache.ts";

test("a shard that was fetched once is not fetched again, even from another address", async () => {
  const { open, server, numShardsAsked, local, shardFiles, shards } = await setUp();
  const wanted = await hashBatches(local, shuffled);
  expect(await hashBatches(await open(), shuffled)).toEqual(wanted);
  expect(numShardsAsked()).toBe(5);
  expect((await shardFiles()).sort()).toEqual(shards.map((shard) => `${shard.sha256}.arrow`).sort());
  server.forget();
  expect(await hashBatches(await open(), shuffled)).toEqual(wanted);
  expect(numShardsAsked()).toBe(0);
});

test.each([0, 2 ** 28])("four threads fetch each shard once, with %i bytes of memory", async (memoryBytes) => {
  const { server, cache, numShardsAsked, local } = await setUp();
  const options = { cache: { directory: cache }, memoryBytes };
  const read = () => startReader(server.url, options, {}, { ...shuffled, workers: 4 }).ended;
  expect(await read()).toBe(await hashAll(local));
  expect(numShardsAsked()).toBe(5);
});

test("with space for one shard every batch is right while its files are removed, and the limit is kept", async () => {
  const { open, cache, shardFiles, local, shards } = await setUp();
  const maxBytes = shards[0]!.bytes + 100;
  expect(await hashBatches(await open(maxBytes), shuffled)).toEqual(await hashBatches(local, shuffled));
  const files = await shardFiles();
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(cache, "shards", name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(maxBytes);
  expect(openFilesUnder(cache)).toEqual([]);
});

test("with space for no shard, every batch is right, and no file is left", async () => {
  const { open, shardFiles, local } = await setUp();
  expect(await hashBatches(await open(0), shuffled)).toEqual(await hashBatches(local, shuffled));
  expect(await shardFiles()).toEqual([]);
});

test.each([
  ["all images in memory", 2 ** 28],
  ["a subset in memory", 60 * 3072],
])(
  "with space for no shard, columns of every batch are right, and a filter can be applied (%s)",
  async (_name, memoryBytes) => {
    const { open, local } = await setUp();
    const options = { ...shuffled, numSamples: 60, columns: ["class", "confidence", "probabilities"] } as const;
    const remote = await open(0, { memoryBytes });
    const [wanted, seen] = await Promise.all(
      [local, remote].map(async (dataset) => (await collectBatches(dataset.loader(options))).map(hashBatch)),
    );
    expect(seen).toEqual(wanted);
    await remote.readImages([0, 60, 120]);
    const filter = { classes: [1, 2] };
    expect((await remote.filter(filter)).numSamples).toBe((await local.filter(filter)).numSamples);
  },
);

test("the shard unused for longest goes first", async () => {
  const { open, shardFiles, shards } = await setUp();
  const dataset = await open(3 * shards[0]!.bytes + 1000);
  for (const shard of [0, 1, 2, 0, 3]) {
    await dataset.readImages([shard * rowsPerShard]);
    await sleep(20);
  }
  const left = new Set(await shardFiles());
  expect(shards.map(({ sha256 }) => left.has(`${sha256}.arrow`))).toEqual([true, false, true, true, false]);
});

test("a reader continues while somebody empties the cache, and fetches closed shards again", async () => {
  const { open, cache, local } = await setUp();
  const dataset = await open();
  const wanted = await hashBatches(local, shuffled);
  const seen: string[] = [];
  const loader = dataset.loader(shuffled);
  for (let count = 0; seen.length < wanted.length; count++) {
    for await (const batch of loader) {
      await rm(join(cache, "shards"), { recursive: true, force: true });
      // Sometimes the loop ends, which closes removed files.
      if (seen.push(hashOf(batch)) % 3 === count % 3) break;
    }
  }
  expect(seen).toEqual(wanted);
});

test("a file that lost its end is fetched again", async () => {
  const { open, cache, shardFiles, local, numShardsAsked } = await setUp();
  await hashBatches(await open(), shuffled);
  for (const name of await shardFiles()) await truncate(join(cache, "shards", name), 50_000);
  expect(await hashBatches(await open(), shuffled)).toEqual(await hashBatches(local, shuffled));
  expect(numShardsAsked()).toBe(10);
});

test.each([
  ["without workers", 0],
  ["with two workers", 2],
])("a file in which a byte was changed is fetched again by the next process, %s", async (_name, workers) => {
  const { server, cache, shardFiles, local, numShardsAsked } = await setUp();
  const read = () => startReader(server.url, { cache: { directory: cache } }, {}, { ...shuffled, workers }).ended;
  const wanted = await hashAll(local);
  expect(await read()).toBe(wanted);
  for (const name of await shardFiles()) {
    const path = join(cache, "shards", name);
    const bytes = await readFile(path);
    bytes[50_000]! ^= 1;
    await writeFile(path, bytes);
  }
  server.forget();
  expect(await read()).toBe(wanted);
  expect(numShardsAsked()).toBeGreaterThanOrEqual(5);
  server.forget();
  expect(await read()).toBe(wanted);
  expect(numShardsAsked()).toBe(0);
});

/** A process that reads all batches and prints a hash of them. */
function startReader(url: string, options: OpenOptions, env: NodeJS.ProcessEnv = {}, order: object = shuffled) {
  const index = pathToFileURL(join(inject("compiledFolder"), "shards", "index.js")).href;
  const script = `
    const { hash } = await import("node:crypto");
    const sha256 = (data) => hash("sha256", data);
    const { openDataset } = await import(${JSON.stringify(index)});
    const dataset = await openDataset(${JSON.stringify(url)}, ${JSON.stringify({ memoryBytes: 0, ...options })});
    let all = "";
    for await (const { images, ids } of dataset.loader(${JSON.stringify(order)})) all += sha256(images) + ids.join();
    console.log(sha256(all));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => {
    stdout += String(text);
  });
  child.stderr.on("data", (text) => {
    stderr += String(text);
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(stdout.trim()) : reject(new Error(stderr || `exit ${code}`))));
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, ended };
}

async function hashAll(dataset: Awaited<ReturnType<typeof openDataset>>): Promise<string> {
  let all = "";
  for await (const { images, ids } of dataset.loader(shuffled)) all += sha256(images) + [...ids].join();
  return sha256(all);
}

test.each([
  ["enough", undefined],
  ["little", 200_000],
])("four processes at once, with %s space, all read the right batches", async (_name, maxBytes) => {
  const { server, cache, local, shardFiles } = await setUp();
  server.fault = () => ({ pauseMs: 2 });
  const options = { cache: { directory: cache, ...(maxBytes === undefined ? {} : { maxBytes }) } };
  const readers = Array.from({ length: 4 }, () => startReader(server.url, options));
  const wanted = await hashAll(local);
  expect(await Promise.all(readers.map(({ ended }) => ended))).toEqual([wanted, wanted, wanted, wanted]);
  expect((await readdir(join(cache, "shards"))).filter((name) => name.startsWith("."))).toEqual([]);
  if (maxBytes === undefined) expect(await shardFiles()).toHaveLength(5);
});

test("a process killed in the middle of a download leaves no shard, and its temporary is removed later", async () => {
  const { server, cache, open, local, shardFiles } = await setUp();
  server.fault = ({ path }) =>
    path.endsWith("part-00000.arrow") ? {} : path.endsWith(".arrow") ? { stalls: true } : {};
  const { child, ended } = startReader(server.url, { cache: { directory: cache } });
  const killed = ended.catch((error: unknown) => error);
  while ((await readdir(join(cache, "shards")).catch(() => [])).filter((name) => name.startsWith(".")).length < 4) {
    await sleep(5);
  }
  while ((await shardFiles()).length < 1) await sleep(5);
  child.kill("SIGKILL");
  await killed;
  expect(await shardFiles()).toHaveLength(1);
  expect((await readdir(join(cache, "shards"))).length).toBeGreaterThan(1);
  server.fault = () => ({});
  expect(await hashBatches(await open(), shuffled)).toEqual(await hashBatches(local, shuffled));
  expect(await readdir(join(cache, "shards"))).toHaveLength(5);
});

test("processes that are killed repeatedly finish together", async () => {
  const { server, cache, local } = await setUp();
  server.fault = () => ({ pauseMs: 3 });
  const wanted = await hashAll(local);
  for (let round = 1; ; round++) {
    const { child, ended } = startReader(server.url, { cache: { directory: cache } });
    const result = ended.catch(() => "killed");
    // A little longer every time, so that the last one ends by itself.
    const timer = setTimeout(() => child.kill("SIGKILL"), 150 * round);
    const hash = await result;
    clearTimeout(timer);
    if (hash === "killed") continue;
    expect(hash).toBe(wanted);
    return;
  }
});

test("the default cache is in XDG_CACHE_HOME, otherwise in ~/.cache", async () => {
  const { server } = await setUp();
  const [home, xdg] = [await makeTestFolder(), await makeTestFolder()];
  await startReader(server.url, {}, { HOME: home, XDG_CACHE_HOME: xdg }).ended;
  expect(await readdir(join(xdg, "cifar5m", "shards"))).toHaveLength(5);
  expect(await readdir(home)).toEqual([]);
  await startReader(server.url, {}, { HOME: home, XDG_CACHE_HOME: "relative" }).ended;
  expect(await readdir(join(home, ".cache", "cifar5m", "shards"))).toHaveLength(5);
});

test("a process that has read a data set ends without closing it", async () => {
  const { server, cache } = await setUp();
  const index = pathToFileURL(join(inject("compiledFolder"), "shards", "index.js")).href;
  const script = `
    const { openDataset } = await import(${JSON.stringify(index)});
    const dataset = await openDataset(${JSON.stringify(server.url)}, { cache: { directory: ${JSON.stringify(cache)} } });
    for await (const _ of dataset.loader({ regime: "finite", batchSize: 10, shuffle: false })) break;`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
});

test("a folder with the name of a shard is removed, and the shard is fetched", async () => {
  const { open, cache, local, shards } = await setUp();
  await mkdir(join(cache, "shards", `${shards[0]!.sha256}.arrow`, "inner"), { recursive: true });
  expect(await hashBatches(await open(), shuffled)).toEqual(await hashBatches(local, shuffled));
});

test("the error for a user without a home folder says what to set", async () => {
  const { server } = await setUp();
  const reading = startReader(server.url, {}, { HOME: "", XDG_CACHE_HOME: undefined }).ended;
  await expect(reading).rejects.toThrow(/Set XDG_CACHE_HOME, or the option cache\.directory/);
});
