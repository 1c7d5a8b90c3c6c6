import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodePng } from "../../../pipeline/export/encode-png.ts";
import { exportFormats } from "../../../pipeline/export/export-steps.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { testContext } from "../../support/run-build.ts";
import { makeImages } from "../import/make-images.ts";
import { makeNpy, makeZip } from "../import/make-npz.ts";
import { readSplit, runImport } from "../import/run-import.ts";
import { hashFolder } from "../kill-build.ts";
import { runExport } from "./run-export.ts";

let folder: string;
/** A run with an imported set: 20 train and 5 test images, in shards of 8. */
let root: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-export-"));
  root = join(folder, "run");
  const { images, labels } = makeImages("export", 25);
  const members = [
    { name: "X.npy", bytes: makeNpy("|u1", [25, 32, 32, 3], images) },
    { name: "Y.npy", bytes: makeNpy("|u1", [25], labels) },
  ];
  const path = join(folder, "set.npz");
  await writeFile(path, makeZip(members));
  await runImport({ root, path, testCount: 5 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const partsOf = async (target: string) =>
  (await readdir(target, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /^part/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

describe.each(exportFormats)("%s", (format) => {
  test("equal sets give equal bytes, wherever and whenever they are written", async () => {
    const folder = await makeTestFolder();
    await runExport({ location: root, target: join(folder, "a"), format });
    process.env.TZ = "Asia/Tokyo";
    await runExport({ location: root, target: join(folder, "b"), format });
    delete process.env.TZ;
    expect(await hashFolder(join(folder, "b"))).toEqual(await hashFolder(join(folder, "a")));
    expect(await partsOf(join(folder, "a"))).toHaveLength(4);
  });

  test("complete parts are kept; missing or cut ones are written again with the same bytes", async () => {
    const target = join(await makeTestFolder(), "out");
    await runExport({ location: root, target, format });
    const whole = await hashFolder(target);
    const [first, second] = await partsOf(target);
    await truncate(first!, 10);
    await rm(second!);
    expect((await runExport({ location: root, target, format })).get("export/kept")).toBeLessThanOrEqual(12 + 7);
    expect(await hashFolder(target)).toEqual(whole);
    expect((await runExport({ location: root, target, format })).get("export/images") ?? 0).toBe(0);
  });

  test("--split writes one part of the set only", async () => {
    const target = join(await makeTestFolder(), "out");
    await runExport({ location: root, target, format, splits: ["test"] });
    expect((await readdir(target)).filter((name) => name === "train")).toEqual([]);
    expect(await partsOf(target)).toHaveLength(1);
  });

  test("a folder that is not empty and not ours is refused and left alone", async () => {
    const target = join(await makeTestFolder(), "out");
    await mkdir(target);
    await writeFile(join(target, "thesis.tex"), "years of work");
    const before = await hashFolder(target);
    const error = await errorOf(() => runExport({ location: root, target, format }), "export/target-not-empty");
    expect(error.message).toContain("thesis.tex");
    expect(await hashFolder(target)).toEqual(before);
  });

  test("a damaged shard is not passed on", async () => {
    const folder = await makeTestFolder();
    const broken = join(folder, "run");
    await makeDataset(join(broken, "dataset"), { train: 20, test: 5, rowsPerShard: 8 });
    const shard = join(broken, "dataset", "train", "part-00000.arrow");
    const bytes = await readFile(shard);
    bytes[2000]! ^= 1;
    await writeFile(shard, bytes);
    const target = join(folder, "out");
    await errorOf(() => runExport({ location: broken, target, format }), "shard/hash-mismatch");
    expect(await partsOf(target)).toEqual([]);
  });
});

test("a folder of another export is refused, and what differs is named", async () => {
  const target = join(await makeTestFolder(), "out");
  await runExport({ location: root, target, format: "npz" });
  const { message } = await errorOf(
    () => runExport({ location: root, target, format: "parquet" }),
    "run/config-changed",
  );
  expect(message).toMatch(/format is "npz", now "parquet".*--to/);
});

test.each(["npz", "png"] as const)("import, export as %s and import again give the same shards", async (format) => {
  const folder = await makeTestFolder();
  await runExport({ location: root, target: join(folder, "out"), format });
  await runImport({ root: join(folder, "again"), path: join(folder, "out") });
  for (const split of ["train", "test"] as const) {
    const { manifest: first, ...before } = await readSplit(root, split);
    const { manifest: second, ...after } = await readSplit(join(folder, "again"), split);
    expect(after).toEqual(before);
    expect(second.sha256).toBe(first.sha256);
  }
  expect(await verifyRun(join(folder, "again"), testContext())).toEqual([]);
});

test("pictures that were lost or emptied are written again", async () => {
  const target = join(await makeTestFolder(), "out");
  await runExport({ location: root, target, format: "png" });
  const whole = await hashFolder(target);
  const [, line] = (await readFile(join(target, "train", "labels.csv"), "utf8")).split("\n");
  await truncate(join(target, "train", line!.split(",")[0]!), 0);
  await runExport({ location: root, target, format: "png" });
  expect(await hashFolder(target)).toEqual(whole);
});

test("class names that would leave the target are refused", async () => {
  const folder = await makeTestFolder();
  await makeDataset(join(folder, "run", "dataset"), { train: 5, test: 5, rowsPerShard: 8 });
  const { version: _, sha256: __, ...manifest } = await readManifest(join(folder, "run", "dataset"));
  const classNames = manifest.classNames.map((name, index) => (index === 3 ? "../../evil" : name));
  await writeManifest(join(folder, "run", "dataset"), { ...manifest, classNames });
  const options = { location: join(folder, "run"), target: join(folder, "out"), format: "png" } as const;
  await errorOf(() => runExport(options), "import/bad-class-names");
  expect(await readdir(folder)).toEqual(["run"]);
});

test("a picture library reads exactly our pixels from our PNG", async () => {
  for (const image of [makeImages("png", 1).images, new Uint8Array(3072), new Uint8Array(3072).fill(255)]) {
    const { data, info } = await sharp(encodePng(image)).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 32, height: 32, channels: 3 });
    expect(data.equals(image)).toBe(true);
  }
});

test("the temporaries of a killed export do not make its folder foreign", async () => {
  const target = join(await makeTestFolder(), "out");
  await mkdir(target);
  await appendFile(join(target, ".export.json.tmp~elsewhere~1~0123456789abcdef"), "{");
  await runExport({ location: root, target, format: "npz" });
  expect(await partsOf(target)).toHaveLength(4);
});
