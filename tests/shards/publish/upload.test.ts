import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { describeGrowth, hashShards } from "../../../shards/format/manifest.ts";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset, uploadDataset, verifyDataset } from "../../../shards/index.ts";
import type { UploadedShard } from "../../../shards/publish/upload-dataset.ts";
import { sealJson } from "../../../storage/canonical-json.ts";
import { errorOf } from "../../support/expect-error.ts";
import { startFaultyS3 } from "../../support/faulty-s3.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { writeTestFlags } from "../../support/write-test-flags.ts";
import { startS3, useS3 } from "../remote/s3-servers.ts";

const { signal } = new AbortController();

async function makeFolder(train = 90): Promise<string> {
  const folder = await makeTestFolder();
  await makeDataset(folder, { train, test: 20, rowsPerShard: 30 });
  return folder;
}

test("without onShard every shard is published too", async () => {
  const [directory, to] = [await makeFolder(), join(await makeTestFolder(), "published")];
  const manifest = await uploadDataset({ directory, to, signal });
  expect(hashShards(manifest.splits)).toBe(manifest.sha256);
  expect(await verifyDataset(to)).toMatchObject({ problems: [], numShards: 4, rows: 110 });
  expect((await readdir(to)).sort()).toEqual(["manifest.json", "test", "train"]);
});

test("when two sets are published to one empty target at once, one is refused, and the other is complete", async () => {
  const sets = [await makeFolder(90), await makeFolder(87)];
  for (let round = 0; round < 20; round++) {
    const to = join(await makeTestFolder(), "published");
    const ends = await Promise.allSettled(sets.map((directory) => uploadDataset({ directory, to, signal })));
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [winner] = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
    const [refusal] = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
    expect(refusal).toMatchObject({ code: "publish/other-dataset" });
    expect(await verifyDataset(to)).toMatchObject({ problems: [], manifest: winner });
    expect((await readdir(to)).sort()).toEqual(["manifest.json", "test", "train"]);
  }
});

test("when two sets are published to one prefix of an S3 server without conditional writes, at most one succeeds", async () => {
  const [sets, { s3 }] = [[await makeFolder(90), await makeFolder(87)], await startS3("s3rver")];
  for (let round = 0; round < 5; round++) {
    const to = `s3://data/round-${round}`;
    const ends = await Promise.allSettled(sets.map((directory) => uploadDataset({ directory, to, signal, s3 })));
    expect(ends.map(({ status }) => status)).toContain("rejected");
    for (const [index, end] of ends.entries()) {
      if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "publish/other-dataset" });
      else await expect(uploadAgain(sets[index]!, to, s3)).resolves.toEqual(Array(4).fill("kept"));
    }
  }
});

test("what another set has claimed and sent stays as it is on a server without conditional writes", async () => {
  const [{ s3, client }, to] = [await startS3("s3rver"), "s3://data/claimed"];
  const [first, second] = [await makeFolder(90), await makeFolder(87)];
  const abort = new AbortController();
  const onShard = () => abort.abort(new Error("interrupted"));
  await expect(uploadDataset({ directory: first, to, signal: abort.signal, s3, onShard })).rejects.toThrow(
    "interrupted",
  );
  const stored = async () => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "data" }));
    return Contents.map(({ Key, ETag }) => `${Key} ${ETag}`);
  };
  const before = await stored();
  expect(before.some((line) => line.startsWith("claimed/publishing.json "))).toBe(true);
  await errorOf(() => uploadDataset({ directory: second, to, signal, s3 }), "publish/other-dataset");
  expect(await stored()).toEqual(before);
  await uploadDataset({ directory: first, to, signal, s3 });
});

/** The outcome of an upload for each shard. */
async function uploadAgain(directory: string, to: string, s3: object): Promise<string[]> {
  const outcomes: string[] = [];
  await uploadDataset({ directory, to, signal, s3, onShard: ({ outcome }) => outcomes.push(outcome) });
  return outcomes;
}

test("a server that confirms a file and does not keep it is told by the file, and the next upload completes the set", async () => {
  const [directory, { s3 }] = [await makeFolder(), await startS3("s3rver")];
  const proxy = await startFaultyS3(s3.endpoint);
  for (const [to, name, said] of [
    ["s3://data/shard", "train/part-00001.arrow", "must have sha256 "],
    ["s3://data/manifest", "manifest.json", "must exist after it was sent, and does not. Run again."],
  ] as const) {
    proxy.refuse = (method, path) =>
      method === "PUT" && path.endsWith(`/${name}`) ? { status: 200, code: "Dropped" } : undefined;
    const upload = () => uploadDataset({ directory, to, signal, s3: { ...s3, endpoint: proxy.url } });
    const { message } = await errorOf(upload, "publish/not-kept");
    expect(message).toContain(`${to}/${name} ${said}`);
    proxy.refuse = () => undefined;
    useS3(s3);
    await errorOf(() => openDataset(to), "(manifest|store)/\\S+");
    await upload();
    expect(await verifyDataset(to)).toMatchObject({ problems: [], numShards: 4 });
  }
});

test("flags that no reader takes are found before a shard is sent", async () => {
  const directory = await makeFolder();
  const to = join(await makeTestFolder(), "published");
  const upload = () => uploadDataset({ directory, to, signal });
  await writeTestFlags(directory, { description: (right) => ({ ...right, bytes: 2 ** 31 }) });
  await errorOf(upload, "flags/invalid");
  await writeTestFlags(directory);
  await rename(join(directory, "flags.arrow"), join(directory, "elsewhere"));
  await errorOf(upload, "disk/missing");
  await writeFile(join(directory, "flags.arrow"), "another table");
  expect((await errorOf(upload, "flags/wrong-table")).message).toContain("flags.json says");
  expect(existsSync(to)).toBe(false);
  await rename(join(directory, "elsewhere"), join(directory, "flags.arrow"));
  await upload();
  expect((await readdir(to)).sort()).toEqual(["flags.arrow", "flags.json", "manifest.json", "test", "train"]);
});

test("two uploads of the same set to one target at once both succeed", async () => {
  const [directory, to] = [await makeFolder(), join(await makeTestFolder(), "published")];
  await Promise.all([1, 2, 3].map(() => uploadDataset({ directory, to, signal })));
  expect(await verifyDataset(to)).toMatchObject({ problems: [] });
  expect(existsSync(join(to, "publishing.json"))).toBe(false);
});

test("the target of an interrupted upload stays reserved for its set until the claim is deleted", async () => {
  const [directory, other, to] = [await makeFolder(), await makeFolder(87), join(await makeTestFolder(), "published")];
  const abort = new AbortController();
  const onShard = () => abort.abort(new Error("interrupted"));
  await expect(uploadDataset({ directory, to, signal: abort.signal, onShard })).rejects.toThrow("interrupted");
  const refused = await errorOf(() => uploadDataset({ directory: other, to, signal }), "publish/other-dataset");
  expect(refused.message).toMatch(/delete that publishing\.json if its upload was given up/);
  const claim = await readFile(join(to, "publishing.json"), "utf8");
  await uploadDataset({ directory, to, signal });
  expect(existsSync(join(to, "publishing.json"))).toBe(false);
  expect(JSON.parse(claim)).toHaveProperty("manifest");
  await rm(to, { recursive: true });
  await expect(uploadDataset({ directory, to, signal: abort.signal })).rejects.toThrow("interrupted");
  await rm(join(to, "publishing.json"), { force: true });
  await uploadDataset({ directory: other, to, signal });
  expect((await readManifest(to)).sha256).toBe((await readManifest(other)).sha256);
});

test("workers share an upload; the first one sends what is missing, then the manifest", async () => {
  const [directory, to] = [await makeFolder(), join(await makeTestFolder(), "published")];
  const sentBy = async (rank: number) => {
    const sent: string[] = [];
    const onShard = ({ entry, outcome }: UploadedShard) => sent.push(`${entry.file} ${outcome}`);
    await uploadDataset({ directory, to, signal, share: { rank, worldSize: 3 }, onShard });
    return sent;
  };
  expect(await sentBy(1)).toEqual(["train/part-00001.arrow uploaded"]);
  expect(existsSync(join(to, "manifest.json"))).toBe(false);
  expect((await sentBy(0)).sort()).toEqual([
    "test/part-00000.arrow uploaded",
    "train/part-00000.arrow uploaded",
    "train/part-00001.arrow kept",
    "train/part-00002.arrow uploaded",
  ]);
  expect(await sentBy(2)).toEqual(["train/part-00002.arrow kept"]);
  expect(await verifyDataset(to)).toMatchObject({ problems: [], numShards: 4 });
  expect((await readdir(to)).sort()).toEqual(["manifest.json", "test", "train"]);
  const together = join(await makeTestFolder(), "published");
  const ends = [2, 1, 0].map((rank) =>
    uploadDataset({ directory, to: together, signal, share: { rank, worldSize: 3 } }),
  );
  await Promise.all(ends);
  expect(await verifyDataset(together)).toMatchObject({ problems: [], numShards: 4 });
  expect((await readdir(together)).sort()).toEqual(["manifest.json", "test", "train"]);
});

/** The set of a folder, as it has grown. */
async function makeGrown(directory: string): Promise<string> {
  const { version: _, sha256: __, ...before } = await readManifest(directory);
  const larger = await makeFolder(150);
  const { version: ___, sha256: ____, ...whole } = await readManifest(larger);
  // The test part keeps its shard; the larger set made it with other ids.
  for (const name of await readdir(join(directory, "test"))) {
    await cp(join(directory, "test", name), join(larger, "test", name));
  }
  const splits = { train: whole.splits.train, test: before.splits.test };
  await writeManifest(larger, { ...whole, splits, growth: describeGrowth(splits, [{ train: 3, test: 1 }]) });
  return larger;
}

test("a set that has grown goes on where an upload of its earlier size was killed, at any moment", async () => {
  const directory = await makeFolder();
  const larger = await makeGrown(directory);
  const abort = new AbortController();
  const onShard = () => abort.abort(new Error("interrupted"));
  const to = join(await makeTestFolder(), "published");
  await expect(uploadDataset({ directory, to, signal: abort.signal, onShard })).rejects.toThrow("interrupted");
  const claim = await readFile(join(to, "publishing.json"), "utf8");
  await uploadDataset({ directory: larger, to, signal });
  expect(await readManifest(to)).toEqual(await readManifest(larger));
  expect((await readdir(to)).sort()).toEqual(["manifest.json", "test", "train"]);
  // Killed between the manifest and the removal of the claim, by this release and by one that named the manifest alone.
  const { manifest } = JSON.parse(claim);
  for (const left of [claim, sealJson({ manifest })]) {
    await rm(to, { recursive: true });
    await uploadDataset({ directory, to, signal });
    await writeFile(join(to, "publishing.json"), left);
    await uploadDataset({ directory: larger, to, signal });
    expect((await readManifest(to)).growth).toHaveLength(1);
    expect((await readdir(to)).sort()).toEqual(["manifest.json", "test", "train"]);
  }
  // The claim of another set is respected.
  await rm(to, { recursive: true });
  await mkdir(to);
  await writeFile(join(to, "publishing.json"), sealJson({ manifest: "a".repeat(64), dataset: "b".repeat(64) }));
  await errorOf(() => uploadDataset({ directory: larger, to, signal }), "publish/other-dataset");
});

test.each(["folder", "s3rver"] as const)(
  "a set that has grown takes the place of what it was, but not the other way round (%s)",
  async (kind) => {
    const [directory, s3] = [await makeFolder(), kind === "folder" ? undefined : (await startS3("s3rver")).s3];
    const to = kind === "folder" ? join(await makeTestFolder(), "published") : "s3://data/grown";
    const upload = async (folder: string) => {
      const outcomes: string[] = [];
      const onShard = ({ outcome }: UploadedShard) => outcomes.push(outcome);
      await uploadDataset({ directory: folder, to, signal, onShard, ...(s3 === undefined ? {} : { s3 }) });
      return outcomes;
    };
    await upload(directory);
    const larger = await makeGrown(directory);
    expect((await upload(larger)).sort()).toEqual(["kept", "kept", "kept", "kept", "uploaded", "uploaded"]);
    expect(await upload(larger)).toEqual(Array(6).fill("kept"));
    await errorOf(() => upload(directory), "publish/other-dataset");
    if (kind === "folder") expect((await verifyDataset(to)).manifest?.growth).toHaveLength(1);
  },
);
