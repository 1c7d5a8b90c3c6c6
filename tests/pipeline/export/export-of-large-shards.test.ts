import { readFileSync } from "node:fs";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openShardReader } from "../../../pipeline/run/shard-reader.ts";
import { verifyDataset, writeDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { hashFolder } from "../kill-build.ts";
import { runExport } from "./run-export.ts";

const numRows = 3000;

/** A set with one shard of three record batches. */
async function makeSet(): Promise<string> {
  const folder = join(await makeTestFolder(), "set");
  const images = Uint8Array.from({ length: numRows * 3072 }, (_, index) => index % 251);
  const labels = Array.from({ length: numRows }, (_, row) => row % 2);
  await writeDataset(folder, { classNames: ["a", "b"], train: { images, labels } });
  return folder;
}

/** Serves a folder, to those who know the key, if there is one. */
async function serve(folder: string, key?: string): Promise<string> {
  const server = createServer(async ({ url = "", headers }, reply) => {
    if (headers.authorization !== key) return void reply.writeHead(401).end();
    const data = await readFile(join(folder, url)).catch(() => undefined);
    return void reply.writeHead(data === undefined ? 404 : 200).end(data);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a set on a server is exported to the bytes of a local export, in batches", async () => {
  const [set, out] = [await makeSet(), await makeTestFolder()];
  vi.stubEnv("XDG_CACHE_HOME", join(out, "cache"));
  const url = await serve(set);
  const options = { format: "parquet", partSize: 2500, splits: ["train"] } as const;
  await runExport({ location: set, target: join(out, "local"), ...options });
  await runExport({ location: url, target: join(out, "remote"), ...options });
  expect(await hashFolder(join(out, "remote", "train"))).toEqual(await hashFolder(join(out, "local", "train")));
  const reader = await openShardReader(url);
  const rows: number[] = [];
  const [entry] = reader.manifest.splits.train.shards;
  for await (const batch of reader.read(entry!, new AbortController().signal)) rows.push(batch.rows);
  expect(rows).toHaveLength(3);
});

test("a set behind an authorization is verified and exported by those who have it", async () => {
  const [set, out] = [await makeSet(), await makeTestFolder()];
  vi.stubEnv("XDG_CACHE_HOME", join(out, "cache"));
  const url = await serve(set, "Bearer key");
  const open = { headers: { authorization: "Bearer key" }, transfer: { tries: 1 } };
  expect((await verifyDataset(url)).problems).toMatchObject([{ code: "store/forbidden" }]);
  expect(await verifyDataset(url, open)).toMatchObject({ problems: [], rows: numRows });
  await runExport({ location: url, target: join(out, "set"), format: "npz", partSize: 2500, splits: ["train"], open });
});

test.skipIf(process.platform !== "linux")("a shard is hashed once, however many parts it is exported to", async () => {
  const [set, target] = [await makeSet(), join(await makeTestFolder(), "out")];
  const numRead = () => Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))![1]);
  const before = numRead();
  await runExport({ location: set, target, format: "npz", partSize: 100, splits: ["train"] });
  // 30 parts read a batch or two each, a third of the shard.
  expect((numRead() - before) / (numRows * 3072)).toBeLessThan(20);
});

test("a shard that changed since it was hashed is hashed again", async () => {
  const set = await makeSet();
  const reader = await openShardReader(set);
  const [entry] = reader.manifest.splits.train.shards;
  const read = async () => {
    for await (const _ of reader.read(entry!, new AbortController().signal));
  };
  await read();
  const path = join(set, entry!.file);
  const { mtimeMs } = await stat(path);
  await writeFile(path, (await readFile(path)).fill(0, 5000, 5001).fill(1, 6000, 6001));
  await utimes(path, new Date(), new Date(mtimeMs + 1000));
  await errorOf(read, "shard/hash-mismatch");
});
