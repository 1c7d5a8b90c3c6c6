import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { describe, expect, test, vi } from "vitest";
import { openDataset, type UploadedShard, uploadDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { startCuttingProxy } from "./cutting-proxy.ts";
import { hashBatches, openFilesUnder, quick } from "./remote-batches.ts";
import { hasS3Server, s3Servers, startS3 } from "./s3-servers.ts";

const shuffled = { regime: "finite", epochs: 2, batchSize: 16, seed: 3, dropLast: false } as const;
const { signal } = new AbortController();
const to = "s3://data/sets/one";

async function makeFolder(train = 140): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train, test: 20, rowsPerShard: 30 });
  return folder;
}

/** Uploads, and returns the outcome for each shard. */
async function upload(options: Omit<Parameters<typeof uploadDataset>[0], "signal" | "onShard">) {
  const outcomes: UploadedShard["outcome"][] = [];
  await uploadDataset({ ...options, signal, onShard: ({ outcome }) => outcomes.push(outcome) });
  return outcomes.sort();
}

describe.each(s3Servers.filter(hasS3Server))("with the S3 server %s", (server) => {
  test("a data set that was uploaded is read back with the batches of the folder", async () => {
    const [directory, { s3 }] = [await makeFolder(), await startS3(server)];
    expect(await upload({ directory, to, s3 })).toEqual(Array(6).fill("uploaded"));
    const wanted = await hashBatches(await openDataset(directory), shuffled);
    for (const partBytes of [2 ** 20, 20_000]) {
      const cache = { directory: await makeTestFolder() };
      const dataset = await openDataset(`${to}/`, { s3, cache, memoryBytes: 0, transfer: { ...quick, partBytes } });
      expect(await hashBatches(dataset, shuffled)).toEqual(wanted);
    }
  });

  test("a second upload keeps what is there, and replaces what is missing, cut or wrong", async () => {
    const [directory, { s3, client }] = [await makeFolder(), await startS3(server)];
    await upload({ directory, to, s3 });
    expect(await upload({ directory, to, s3 })).toEqual(Array(6).fill("kept"));
    const keyOf = (part: number) => ({ Bucket: "data", Key: `sets/one/train/part-0000${part}.arrow` });
    const data = await readFile(join(directory, "train/part-00001.arrow"));
    await client.send(new DeleteObjectCommand(keyOf(0)));
    await client.send(new PutObjectCommand({ ...keyOf(1), Body: data.subarray(1000) }));
    const flipped = Buffer.from(data);
    flipped[5000]! ^= 1;
    await client.send(new PutObjectCommand({ ...keyOf(2), Body: flipped }));
    expect(await upload({ directory, to, s3 })).toEqual(["kept", "kept", "kept", "uploaded", "uploaded", "uploaded"]);
    const cache = { directory: await makeTestFolder() };
    const dataset = await openDataset(to, { s3, cache, memoryBytes: 0, transfer: quick });
    expect(await hashBatches(dataset, shuffled)).toEqual(await hashBatches(await openDataset(directory), shuffled));
  });

  test("an upload that is interrupted at any shard leaves no manifest", async () => {
    const [directory, { s3, client }] = [await makeFolder(), await startS3(server)];
    for (let numDone = 1; numDone <= 5; numDone++) {
      const abort = new AbortController();
      let count = 0;
      const onShard = () => {
        if (++count === numDone) abort.abort(new Error("interrupted"));
      };
      await expect(uploadDataset({ directory, to, s3, signal: abort.signal, onShard })).rejects.toThrow("interrupted");
      const listed = await client.send(new ListObjectsV2Command({ Bucket: "data" }));
      const keys = (listed.Contents ?? []).map(({ Key }) => Key);
      expect(keys.length).toBeGreaterThanOrEqual(numDone);
      expect(keys).not.toContain("sets/one/manifest.json");
    }
    expect((await upload({ directory, to, s3 })).filter((outcome) => outcome === "kept").length).toBeGreaterThan(4);
    const { Body } = await client.send(new GetObjectCommand({ Bucket: "data", Key: "sets/one/manifest.json" }));
    expect(await Body?.transformToString()).toBe(await readFile(join(directory, "manifest.json"), "utf8"));
  });

  test("another data set is not overwritten, and a damaged shard is not published", async () => {
    const [directory, other, { s3, client }] = [await makeFolder(), await makeFolder(90), await startS3(server)];
    await upload({ directory, to, s3 });
    expect((await errorOf(() => upload({ directory: other, to, s3 }), "publish/other-dataset")).message).toContain(to);
    const cache = { directory: await makeTestFolder() };
    const dataset = await openDataset(to, { s3, cache, transfer: quick });
    expect(await hashBatches(dataset, shuffled)).toEqual(await hashBatches(await openDataset(directory), shuffled));
    await truncate(join(other, "train/part-00001.arrow"), 900);
    const elsewhere = { directory: other, to: "s3://data/sets/two", s3 };
    expect((await errorOf(() => upload(elsewhere), "shard/hash-mismatch")).message).toContain("part-00001.arrow");
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: "data", Prefix: "sets/two/manifest" }));
    expect(Contents).toBeUndefined();
  });

  test("errors for missing and wrong files name their URL", async () => {
    const [directory, { s3, client }] = [await makeFolder(), await startS3(server)];
    const open = (location: string) => async () =>
      openDataset(location, { s3, cache: { directory: await makeTestFolder() }, transfer: quick });
    expect((await errorOf(open(to), "store/not-found")).message).toContain(`${to}/manifest.json`);
    await errorOf(open("s3://no-such-bucket/x"), "store/not-found");
    await upload({ directory, to, s3 });
    const dataset = await open(to)();
    const Key = "sets/one/train/part-00001.arrow";
    await client.send(new PutObjectCommand({ Bucket: "data", Key, Body: Buffer.alloc(100) }));
    expect((await errorOf(() => dataset.readImages([40]), "store/wrong-content")).message).toContain(Key);
    await client.send(new DeleteObjectCommand({ Bucket: "data", Key }));
    expect((await errorOf(() => dataset.readImages([40]), "store/not-found")).message).toContain(`s3://data/${Key}`);
  });
});

test("uploads and reads continue after cut connections to S3, and every batch is right", async () => {
  const [directory, { s3 }] = [await makeFolder(), await startS3("s3rver")];
  const proxy = await startCuttingProxy(s3.endpoint ?? "");
  const through = { ...s3, endpoint: proxy.url };
  proxy.cuts = [20, 20, 0];
  expect(await upload({ directory, to, s3: through })).toEqual(Array(6).fill("uploaded"));
  const wanted = await hashBatches(await openDataset(directory), shuffled);
  for (const partBytes of [2 ** 20, 20_000]) {
    const cache = { directory: await makeTestFolder() };
    proxy.cuts = [100, 3000, 20_000, 7, 40_000, 9000];
    const dataset = await openDataset(to, { s3: through, cache, memoryBytes: 0, transfer: { ...quick, partBytes } });
    expect(await hashBatches(dataset, shuffled)).toEqual(wanted);
  }
});

test("leaving a loop while S3 is silent ends its requests", async () => {
  const [directory, { s3 }] = [await makeFolder(), await startS3("s3rver")];
  await upload({ directory, to, s3 });
  const proxy = await startCuttingProxy(s3.endpoint ?? "");
  const cache = { directory: await makeTestFolder() };
  const through = { ...s3, endpoint: proxy.url };
  const dataset = await openDataset(to, { s3: through, cache, memoryBytes: 0, transfer: quick });
  await dataset.readImages([0]);
  proxy.freezeAfter = 30_000;
  for await (const _ of dataset.loader({ regime: "finite", batchSize: 10, shuffle: false })) break;
  await vi.waitUntil(() => openFilesUnder(cache.directory).length === 0, 5000);
  const waiting = errorOf(() => dataset.readImages([139]), "dataset/closed");
  await vi.waitUntil(() => openFilesUnder(cache.directory).length > 0, 5000);
  dataset.close();
  await waiting;
  await vi.waitUntil(() => openFilesUnder(cache.directory).length === 0, 5000);
});

test("readers who see the manifest find every shard, at any moment of an upload", async () => {
  const [directory, { s3, client }] = [await makeFolder(), await startS3("s3rver")];
  const { shards } = (await openDataset(directory)).manifest.splits.train;
  let isDone = false;
  const watch = async () => {
    for (let numLooks = 0; ; numLooks++) {
      const wasDone = isDone;
      const key = (name: string) => ({ Bucket: "data", Key: `sets/one/${name}` });
      const manifest = await client.send(new GetObjectCommand(key("manifest.json"))).catch(() => undefined);
      if (manifest !== undefined) {
        for (const { file, bytes } of shards) {
          expect((await client.send(new GetObjectCommand(key(file)))).ContentLength).toBe(bytes);
        }
      }
      if (wasDone) return numLooks;
    }
  };
  const watching = watch();
  await upload({ directory, to, s3 });
  isDone = true;
  expect(await watching).toBeGreaterThan(0);
});

test("a data set is published to a folder by its path or file: URL, and read from there", async () => {
  const [directory, target] = [await makeFolder(), join(await makeTestFolder(), "published")];
  expect(await upload({ directory, to: pathToFileURL(target).href })).toEqual(Array(6).fill("uploaded"));
  await writeFile(join(target, "train/part-00000.arrow"), "damaged");
  expect(await upload({ directory, to: target })).toEqual([...Array(5).fill("kept"), "uploaded"]);
  const published = await openDataset(pathToFileURL(target).href);
  expect(await hashBatches(published, shuffled)).toEqual(await hashBatches(await openDataset(directory), shuffled));
  await errorOf(async () => upload({ directory: await makeFolder(90), to: target }), "publish/other-dataset");
  await errorOf(() => upload({ directory, to: "https://host/data" }), "store/bad-location");
});

test("an unreachable S3 server, or missing settings, give a single line", async () => {
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const s3 = { endpoint: "http://127.0.0.1:9", region: "us-east-1", credentials };
  const open = (options: object) => () => openDataset(to, { s3: options, transfer: quick });
  expect((await errorOf(open(s3), "store/unreachable")).message).toMatch(/sets\/one\/manifest\.json failed 4 times/);
});
