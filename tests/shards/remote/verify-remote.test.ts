import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyDataset } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { startFaultyServer } from "./faulty-server.ts";

/** A dataset of 4 shards, on a server. */
async function setUp() {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train: 90, test: 20, rowsPerShard: 30 });
  return { folder, server: await startFaultyServer(folder) };
}

test("a data set on a server is verified shard by shard, a sample of it by that part", async () => {
  const { server } = await setUp();
  const whole = await verifyDataset(server.url);
  expect(whole).toMatchObject({ problems: [], numShards: 4, rows: 110 });
  const before = server.asked.length;
  const sample = await verifyDataset(server.url, { mode: { fraction: 0.5, seed: 1 } });
  expect(sample.problems).toEqual([]);
  expect(server.asked.slice(before).filter(({ path }) => path.endsWith(".arrow"))).toHaveLength(2);
});

test("a flipped bit, a cut or missing shard and a missing manifest are found, and each is named by its URL", async () => {
  const { folder, server } = await setUp();
  const flipped = join(folder, "train/part-00001.arrow");
  const bytes = await readFile(flipped);
  bytes[bytes.length >> 1]! ^= 4;
  await writeFile(flipped, bytes);
  await truncate(join(folder, "test/part-00000.arrow"), 5000);
  const { problems } = await verifyDataset(server.url);
  expect(problems.map(({ file }) => file)).toEqual(["train/part-00001.arrow", "test/part-00000.arrow"]);
  expect(problems[0]).toMatchObject({ code: "store/wrong-content", message: expect.stringContaining(server.url) });
  const none = await verifyDataset(`${server.url}/nothing-here`);
  expect(none).toMatchObject({ manifest: undefined, problems: [{ file: "manifest.json", code: "store/not-found" }] });
}, 20_000);

test("a signal ends a verification with its reason", async () => {
  const { server } = await setUp();
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  await expect(verifyDataset(server.url, { signal: controller.signal, onProgress })).rejects.toThrow("enough");
});
