import { readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openColumns } from "../../../pipeline/serve/row-columns.ts";
import { watchDataset } from "../../../pipeline/serve/watch-dataset.ts";
import { parseManifestText, type ShardEntry } from "../../../shards/format/manifest.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { writeTestFlags } from "../../support/write-test-flags.ts";
import { makePictureSet } from "./make-picture-set.ts";
import { startInProcess } from "./start-in-process.ts";

/** A set of shards of ten rows without test images, so that a larger one begins with the same shards. */
const makeSet = (folder: string, train: number) => makeDataset(folder, { train, test: 0, rowsPerShard: 10 });

test("a set that grows while it is served is served as it is then, beside another set or as the other set", async () => {
  const [folder, other] = [await makeTestFolder(), await makeTestFolder()];
  const [before, otherBefore] = [await makeSet(folder, 20), await makeSet(other, 10)];
  const { server, errors } = await startInProcess(folder, { compare: other });
  const get = (path: string) => fetch(`${server.origin}${path}`);
  const manifestAt = async (base: string) => parseManifestText(await (await get(`${base}/manifest.json`)).text(), base);
  const numColumns = async (path: string) => openColumns(await (await get(path)).arrayBuffer()).numRows;
  expect([await manifestAt("/dataset"), await manifestAt("/compare/dataset")]).toEqual([before, otherBefore]);
  expect(await numColumns("/columns/train.bin")).toBe(20);

  const grown = await makeSet(folder, 40);
  expect(await (await get("/")).text()).toContain("<dt>Train images</dt><dd>40</dd>");
  expect(await manifestAt("/dataset")).toEqual(grown);
  for (const { file } of grown.splits.train.shards) expect((await get(`/dataset/${file}`)).status, file).toBe(200);
  expect(await numColumns("/columns/train.bin")).toBe(40);
  // A page that has the manifest of before gets no columns of another set.
  expect(await numColumns(`/columns/train.bin?sha256=${grown.sha256}`)).toBe(40);
  expect((await get(`/columns/train.bin?sha256=${before.sha256}`)).status).toBe(404);

  const otherGrown = await makeSet(other, 30);
  expect([await manifestAt("/dataset"), await manifestAt("/compare/dataset")]).toEqual([grown, otherGrown]);
  expect(await numColumns("/compare/columns/train.bin")).toBe(30);
  expect(errors).toEqual([]);
});

test("an address with a hash leads to nothing once another set of the same shape has replaced its own", async () => {
  const [folder, other] = [await makeTestFolder(), await makeTestFolder()];
  const size = { train: 20, test: 0 };
  const [before] = [await makePictureSet(folder, size), await makePictureSet(other, size)];
  await Promise.all([writeTestFlags(folder), writeTestFlags(other)]);
  const { server, errors } = await startInProcess(folder, { compare: other });
  const statusOf = async (path: string) => (await fetch(`${server.origin}${path}`)).status;
  const [{ file, sha256 }] = before.splits.train.shards as [ShardEntry];
  const addresses = [`dataset/${file}?sha256=${sha256}`, `facts/train/3.json?sha256=${before.sha256}`];
  const paths = addresses.flatMap((path) => [`/${path}`, `/compare/${path}`]);
  for (const path of paths) expect(await statusOf(path), path).toBe(200);
  for (const one of [folder, other]) await rm(one, { recursive: true });
  const after = await makePictureSet(folder, { ...size, shift: 1 });
  await Promise.all([makePictureSet(other, { ...size, shift: 1 }), writeTestFlags(folder)]);
  // Nobody has asked for a page or a manifest meanwhile.
  for (const path of paths) expect(await statusOf(path), path).toBe(404);
  expect(after.splits.train.shards[0]!.bytes).toBe(before.splits.train.shards[0]!.bytes);
  expect(await statusOf(`/facts/train/3.json?sha256=${after.sha256}`)).toBe(200);
  expect(await statusOf("/facts/train/3.json")).toBe(200);
  expect(errors).toEqual([]);
});

test("a manifest that cannot be read is reported, and the set of before is served until there is another", async () => {
  const folder = await makeTestFolder();
  const before = await makeSet(folder, 20);
  const { server, errors } = await startInProcess(folder);
  const url = `${server.origin}/dataset/manifest.json`;
  const manifest = async () => parseManifestText(await (await fetch(url)).text(), url);
  await writeFile(join(folder, "manifest.json"), "{");
  expect(await manifest()).toEqual(before);
  expect(errors).toEqual([expect.objectContaining({ code: "json/corrupt" })]);
  const after = await makeSet(folder, 30);
  expect(await manifest()).toEqual(after);
  expect(errors).toHaveLength(1);
});

test("a manifest with another time and the same text is the same set", async () => {
  const folder = await makeTestFolder();
  await makeSet(folder, 20);
  const look = watchDataset(folder, { mayBeMissing: false, report: () => undefined });
  const before = await look();
  const path = join(folder, "manifest.json");
  await writeFile(path, await readFile(path));
  await utimes(path, 1, 1);
  expect(await look()).toBe(before);
  await makeSet(folder, 30);
  const looks = await Promise.all([look(), look()]);
  expect(looks[0]).not.toBe(before);
  expect(looks[1]).toBe(looks[0]);
});
