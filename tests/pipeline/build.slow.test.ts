import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCifar10 } from "../../pipeline/cifar-10/read-cifar-10.ts";
import { findLiveSourceWith } from "../../pipeline/models/find-live-source.ts";
import { repairRun } from "../../pipeline/repair/repair.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { readRun, readRunConfig } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { firstTestId } from "../../pipeline/run/units.ts";
import { readRemovals } from "../../pipeline/stages/removals.ts";
import { verifyRun } from "../../pipeline/verify/verify.ts";
import { readManifest } from "../../shards/format/manifest-file.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import { openDataset } from "../../shards/index.ts";
import { readPinnedConfig, repinConfig } from "../../storage/pin-config.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { fetchInto, runBuild, smallConfig, testContext } from "../support/run-build.ts";
import { mirrored, standInImage, standInRuntime } from "../support/stand-in-runtime.ts";
import { hashFolder } from "./kill-build.ts";

let folder: string;
let data: string;
let root: string;
let planted: Map<number, Uint8Array>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-build-"));
  data = join(folder, "cifar-10");
  root = join(folder, "run");
  await makeCifar10(data);
  const { train, test: held } = await readCifar10(data, recordsPerFile);
  const imageOf = ({ images }: { images: Uint8Array }, index: number) => images.slice(index * 3072, (index + 1) * 3072);
  const weights = Buffer.from("any weights");
  planted = new Map([
    [7, imageOf(train, 11)],
    [20, mirrored(imageOf(held, 3))],
    // A test image that repeats a train image, which is then left out.
    [firstTestId + 10, mirrored(standInImage({ seed: 0, weights }, 2, 2))],
    [2, standInImage({ seed: 0, weights }, 2, 2)],
  ]);
  await runBuild({ root, runtime: standInRuntime({ planted }), sources: { data } });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("planted copies are left out of the shards, and recorded with reason and partner", async () => {
  const run = await readRun(runFolderAt(root));
  const removals = (await Promise.all(run.units.map((unit) => readRemovals(run.folder.removals(unit))))).flat();
  expect(removals.map(({ id, reason, mirrored: flipped, partner }) => [id, reason, flipped, partner])).toEqual([
    [2, "duplicate-within-set", true, firstTestId + 10],
    [7, "duplicate-of-cifar10-train", false, 11],
    [20, "duplicate-of-cifar10-test", true, 3],
  ]);
  const manifest = await readManifest(run.folder.dataset);
  expect([manifest.splits.train.rows, manifest.splits.test.rows]).toEqual([47, 21]);
  expect(manifest.removals).toEqual({
    "duplicate-of-cifar10-train": 1,
    "duplicate-of-cifar10-test": 1,
    "duplicate-within-set": 1,
  });
});

test("the shards hold the models' output: ids, images, rotating classes, the most probable label", async () => {
  const run = await readRun(runFolderAt(root));
  const shards = await Promise.all(run.units.map((unit) => readShard(run.folder.shard(unit))));
  const ids = shards.flatMap(({ columns }) => [...columns.id]);
  const testIds = Array.from({ length: 21 }, (_, index) => firstTestId + index);
  expect(ids).toEqual([
    ...Array.from({ length: 50 }, (_, id) => id).filter((id) => ![2, 7, 20].includes(id)),
    ...testIds,
  ]);
  const weights = await readFile(run.folder.model("generator"));
  for (const { columns } of shards) {
    for (const [row, id] of columns.id.entries()) {
      const image = columns.image.subarray(row * 3072, (row + 1) * 3072);
      expect(Buffer.compare(image, standInImage({ seed: 0, weights }, id, id % 10, planted))).toBe(0);
      expect(columns.class[row]).toBe(id % 10);
      expect(columns.label[row]).toBe(image[0]! % 10);
      expect(columns.confidence[row]).toBe(Math.fround(0.55));
    }
  }
});

test("the rows of an unconditional set and of its live source have class -1", async () => {
  const other = join(folder, "unconditional");
  const config = { ...smallConfig, count: 20, testCount: 0, sampler: { conditional: false } };
  await runBuild({ root: other, runtime: standInRuntime(), sources: { data }, config });
  const run = await readRun(runFolderAt(other));
  const weights = await readFile(run.folder.model("generator"));
  const { columns } = await readShard(run.folder.shard(run.units[0]!));
  expect(new Set(columns.class)).toEqual(new Set([-1]));
  expect(columns.image.subarray(0, 3072)).toEqual(new Uint8Array(standInImage({ seed: 0, weights }, 0, -1)));
  const live = await findLiveSourceWith(runFolderAt(other), standInRuntime());
  expect([...(await live.sample(Float64Array.of(3, 25))).classes]).toEqual([-1, -1]);
  await live.close();
});

test("a second build does nothing, and opens no model", async () => {
  const before = await hashFolder(root);
  const fail = () => Promise.reject(new Error("a model was opened"));
  const runtime = standInRuntime();
  const counts = await runBuild({
    root,
    runtime: { ...runtime, openSampler: fail, openLabeler: fail, train: { generator: fail, labeler: fail } },
    sources: { data },
  });
  expect(counts.get("sample/kept")).toBe(71);
  expect(counts.get("sample/images")).toBeUndefined();
  expect(await hashFolder(root)).toEqual(before);
});

test("a run that fetches CIFAR-10 after it was built with the shipped fingerprints is still the same run", async () => {
  const later = join(folder, "fetched-later");
  const paths = runFolderAt(later);
  const build = (config = {}) =>
    runBuild({ root: later, runtime: standInRuntime(), sources: {}, config: { ...smallConfig, ...config } });
  await build();
  const before = await hashFolder(paths.dataset);
  await fetchInto(paths, data);
  const shard = paths.shard((await readRun(paths)).units[0]!);
  await rm(shard);
  const config = resolveConfig(await readRunConfig(paths));
  expect(await repairRun({ folder: paths, config, runtime: standInRuntime() }, testContext())).toEqual([shard]);
  expect(await hashFolder(paths.dataset)).toEqual(before);
  await build({ count: 80 });
  expect(await verifyRun(later, testContext())).toEqual([]);
});

test("the folder of a data set does not become a run", async () => {
  const paths = runFolderAt(runFolderAt(root).dataset);
  const before = await hashFolder(paths.root);
  const building = () => runBuild({ root: paths.root, runtime: standInRuntime(), sources: { data } });
  const { message } = await errorOf(building, "run/is-dataset");
  expect(message).toMatch(/dataset must be a run folder, .* Name the run that the data set is in, the folder above/);
  const fetching = () => fetchInto(paths, data);
  await errorOf(fetching, "run/is-dataset");
  expect(await hashFolder(paths.root)).toEqual(before);
});

test("a flipped byte is found, and a build after deleting the shard makes it again", async () => {
  const before = await hashFolder(join(root, "dataset"));
  const { folder: paths, units } = await readRun(runFolderAt(root));
  const path = paths.shard(units[1]!);
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
  const problems = await verifyRun(root, testContext());
  expect(problems.map(({ code }) => code)).toEqual(["shard/hash-mismatch"]);
  expect(problems[0]?.message).toContain(path);
  await errorOf(
    () => runBuild({ root, runtime: standInRuntime({ planted }), sources: { data } }),
    "shard/hash-mismatch",
  );
  await rm(path);
  await runBuild({ root, runtime: standInRuntime({ planted }), sources: { data } });
  expect(await hashFolder(join(root, "dataset"))).toEqual(before);
});

test("a damaged receipt and a damaged intermediate file are named", async () => {
  const { folder: paths, units } = await readRun(runFolderAt(root));
  const receipt = paths.receipt("label", "train-00001");
  const good = await readFile(receipt, "utf8");
  await writeFile(receipt, good.replace(/"rows": \d+/, '"rows": 3'));
  const { message } = await errorOf(
    () => runBuild({ root, runtime: standInRuntime(), sources: { data } }),
    "json/corrupt",
  );
  expect(message).toContain(receipt);
  await writeFile(receipt, good);
  const samples = paths.samples(units[0]!);
  const bytes = await readFile(samples);
  await writeFile(samples, bytes.subarray(1));
  expect((await verifyRun(root, testContext())).map(({ code }) => code)).toEqual(["unit/size-mismatch"]);
  await writeFile(samples, bytes);
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("weights that differ from the run's are refused", async () => {
  const weights = join(folder, "other.safetensors");
  await writeFile(weights, "other weights");
  const sources = { generator: weights, labeler: weights };
  const { message } = await errorOf(() => runBuild({ root, runtime: standInRuntime(), sources }), "run/config-changed");
  expect(message).toContain("generator.config.json");
});

test("a run without CIFAR-10 is compared with the shipped fingerprints", async () => {
  const weights = join(folder, "weights.safetensors");
  await writeFile(weights, "weights");
  const other = join(folder, "no-data");
  await runBuild({ root: other, runtime: standInRuntime(), sources: { generator: weights, labeler: weights } });
  const manifest = await readManifest(join(other, "dataset"));
  expect(Object.keys(manifest.models)).toEqual(["cifar-10", "generator", "labeler"]);
  expect(await verifyRun(other, testContext())).toEqual([]);
});

test("a live source makes the images the run made, and those that follow", async () => {
  const live = await findLiveSourceWith(runFolderAt(root), standInRuntime({ planted }));
  const run = await readRun(runFolderAt(root));
  const shard = await readShard(run.folder.shard(run.units[1]!));
  const made = await live.sample(shard.columns.id);
  expect(Buffer.from(made.images).equals(Buffer.from(shard.columns.image))).toBe(true);
  expect(made.probabilities).toEqual(shard.columns.probabilities);
  expect([...made.classes]).toEqual([...shard.columns.class]);

  const dataset = await openDataset(run.folder.dataset);
  const ids: number[] = [];
  for await (const batch of dataset.loader({ regime: "infinite", batchSize: 20, live })) {
    if (ids.push(...batch.ids) === 80) break;
  }
  // Ids that the set will not grow into.
  expect(ids.slice(47)).toEqual(Array.from({ length: 33 }, (_, index) => 2 * firstTestId + index));
  await live.close();
});

test("the loader serves the built images", async () => {
  const dataset = await openDataset(join(root, "dataset"));
  const seen: number[] = [];
  for await (const { ids } of dataset.loader({ regime: "finite", numSamples: 47, epochs: 1, batchSize: 47, seed: 1 })) {
    seen.push(...ids);
  }
  expect(seen.sort((a, b) => a - b)).toEqual(
    Array.from({ length: 50 }, (_, id) => id).filter((id) => ![2, 7, 20].includes(id)),
  );
});

test("a generator that repeats itself ends the build with a line that counts the copies, and publishes nothing", async () => {
  const same = new Uint8Array(3072).fill(9);
  const copies = new Map(Array.from({ length: 12 }, (_, index) => [4 * index, same] as const));
  const other = join(folder, "copies");
  const build = () => runBuild({ root: other, runtime: standInRuntime({ planted: copies }), sources: { data } });
  const error = await errorOf(build, "dedup/too-many-removals");
  expect(error.message).toMatch(/at most a tenth .* and 11 of 71 are \(11 duplicate-within-set\)/);
  await errorOf(() => readManifest(join(other, "dataset")), "manifest/missing");
});

test("a finished model of another release, which had other options, stays in use", async () => {
  const other = join(folder, "old-release");
  await runBuild({ root: other, runtime: standInRuntime(), sources: { data } });
  const path = runFolderAt(other).modelConfig("generator");
  const pinned = (await readPinnedConfig(path))!;
  const { optimizer: _, emaExponents: __, ...options } = pinned["options"] as Record<string, unknown>;
  await repinConfig(path, { ...pinned, options: { ...options, warmUp: 0.02, averageExponent: 16.97 } });
  await runBuild({ root: other, runtime: standInRuntime(), sources: { data } });
  const config = { ...smallConfig, generator: { channels: 12 } };
  const changed = () => runBuild({ root: other, runtime: standInRuntime(), sources: { data }, config });
  expect((await errorOf(changed, "run/config-changed")).message).toContain("options.channels is 64, now 12");
});
