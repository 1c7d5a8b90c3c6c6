import { cp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectRun } from "../../../pipeline/inspect/inspect.ts";
import type { ModelRuntime } from "../../../pipeline/models/model-runtime.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { errorOf } from "../../support/expect-error.ts";
import { randomIntegers } from "../../support/random-integers.ts";
import { runBuild, smallConfig, testContext } from "../../support/run-build.ts";
import { standInImage, standInRuntime } from "../../support/stand-in-runtime.ts";
import { hashFolder } from "../kill-build.ts";
import {
  copyRun,
  expected,
  flipBit,
  folder,
  makeFinishedRun,
  pristine,
  removeFinishedRun,
  repair,
  repairableFiles,
  runtime,
} from "./finished-run.ts";

beforeAll(makeFinishedRun);
afterAll(removeFinishedRun);

/** A runtime whose functions must not be called. */
const noModels: ModelRuntime = {
  ...standInRuntime(),
  openSampler: () => Promise.reject(new Error("a generator was opened")),
  openLabeler: () => Promise.reject(new Error("a labeler was opened")),
};

test("every file of a unit, and the manifest, flipped, cut or deleted, is made again byte for byte, and verify finds nothing after", async () => {
  const root = await copyRun();
  const positions = randomIntegers(7, 1 << 30);
  for (const file of repairableFiles().filter((name) => /train-00001|train\/part-00001|manifest/.test(name))) {
    const path = join(root, file);
    const harms = [
      () => flipBit(path, positions.next()),
      async () => truncate(path, positions.next() % (await stat(path)).size),
      () => rm(path),
    ];
    for (const [index, harm] of harms.entries()) {
      if (index !== 2 && (await stat(path)).size === 0) continue;
      await harm();
      const isSpared = index === 2 && /^(samples|labels|dedup)\//.test(file);
      const problems = await verifyRun(root, testContext());
      expect(problems.length > 0, `${file} ${index}`).toBe(!isSpared);
      for (const { message } of problems) expect(message).toContain(path);
      expect(await repair(root), file).toEqual(isSpared ? [] : [path]);
      if (isSpared) await cp(join(pristine, file), path);
      expect(await hashFolder(root), file).toEqual(expected);
    }
  }
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("many files at once are repaired, and undamaged ones keep inode and time", async () => {
  const root = await copyRun();
  const all = repairableFiles();
  const harmed = all.filter((_, index) => index % 3 === 0);
  const whole = all.filter((file) => !harmed.includes(file));
  const identity = async () =>
    Promise.all(whole.map(async (file) => ((found) => `${found.ino} ${found.mtimeMs}`)(await stat(join(root, file)))));
  const before = await identity();
  for (const file of harmed) {
    if ((await stat(join(root, file))).size > 0) await flipBit(join(root, file), 12_345);
  }
  await repair(root);
  expect(await hashFolder(root)).toEqual(expected);
  expect(await identity()).toEqual(before);
});

test("shards and manifest are made again when all intermediate files were deleted, which stay deleted", async () => {
  const root = await copyRun();
  for (const name of ["samples", "labels", "dedup"]) await rm(join(root, name), { recursive: true });
  const kept = expected.filter((line) => !/^\/(samples|labels|dedup)\//.test(line));
  expect(await verifyRun(root, testContext())).toEqual([]);
  for (const file of ["dataset/train/part-00001.arrow", "dataset/test/part-00000.arrow", "dataset/manifest.json"]) {
    await flipBit(join(root, file), 4001);
    expect(await repair(root)).toEqual([join(root, file)]);
    expect(await hashFolder(root)).toEqual(kept);
  }
});

test("a lost receipt of a shard, and a shard whose inputs are whole, need no model", async () => {
  const root = await copyRun();
  await rm(join(root, "receipts/publish/train-00001.json"));
  await flipBit(join(root, "dataset/test/part-00001.arrow"), 9999);
  await repair(root, noModels);
  expect(await hashFolder(root)).toEqual(expected);
});

test("receipts of models are written again, and damaged trained weights are refused by name", async () => {
  const root = await copyRun();
  await rm(join(root, "receipts/train-labeler/labeler.json"));
  await flipBit(join(root, "receipts/train-generator/generator.json"), 40);
  expect(await repair(root, noModels)).toHaveLength(2);
  expect(await hashFolder(root)).toEqual(expected);
  await flipBit(join(root, "models/generator.safetensors"), 3);
  const { message } = await errorOf(() => repair(root), "repair/model-lost");
  expect(message).toContain("generator.safetensors");
});

test("a unit whose remade bytes differ is an error with both hashes and keeps its files, and the others are repaired", async () => {
  const root = await copyRun();
  for (const name of ["train-00000", "train-00001"]) {
    await rm(join(root, "samples", `${name}.u8`));
    await flipBit(join(root, "dataset", name.replace("-", "/part-").concat(".arrow")), 5000);
  }
  const half = await hashFolder(root);
  // Id 20 belongs to unit train-00001, and is another image now.
  const other = standInRuntime({ planted: new Map([[20, new Uint8Array(3072)], ...plantedOf()]) });
  const { message } = await errorOf(() => repair(root, other), "repair/hash-mismatch");
  expect(message).toMatch(/sample of train-00001 .* was sha256 [0-9a-f]{12}…, but the remade one is [0-9a-f]{12}…/);
  const after = await hashFolder(root);
  const changed = half.filter((line) => !after.includes(line)).map((line) => line.split(" ")[0]);
  expect(changed).toEqual(["/dataset/train/part-00000.arrow"]);
  expect(after.length).toBe(half.length);
  await repair(root);
  expect(await verifyRun(root, testContext())).toEqual([]);
});

function plantedOf(): [number, Uint8Array][] {
  const image = standInImage({ seed: 0, weights: Buffer.from("w") }, 2, 2);
  return [2, 30, 60].map((id) => [id, image]);
}

test("without receipt and manifest a shard that differs is not replaced by a guess", async () => {
  const root = await copyRun();
  await rm(join(root, "dataset/manifest.json"));
  await rm(join(root, "receipts/publish/train-00002.json"));
  // Whole, it is proved by its own bytes.
  await repair(root);
  expect(await hashFolder(root)).toEqual(expected);
  await rm(join(root, "dataset/manifest.json"));
  await rm(join(root, "receipts/publish/train-00002.json"));
  await flipBit(join(root, "dataset/train/part-00002.arrow"), 700);
  const before = await hashFolder(root);
  const { message } = await errorOf(() => repair(root), "repair/unproven");
  expect(message).toContain("train-00002");
  expect(await hashFolder(root)).toEqual(before);
});

test("a run that was not finished, or made with other models, is refused", async () => {
  const root = await copyRun();
  await rm(join(root, "dataset"), { recursive: true });
  await rm(join(root, "receipts/publish"), { recursive: true });
  await errorOf(() => repair(root), "repair/unfinished");
  const other = await copyRun();
  await rm(join(other, "receipts/fetch/test_batch.bin.json"));
  await errorOf(() => repair(other), "repair/models-changed");
});

test("the receipt of another unit is told from the right one, and made again", async () => {
  const root = await copyRun();
  for (const [stage, said] of [
    ["label", "is of label and ids 0 to 17, its unit has label and 17 to 34. Run `cifar5m repair`"],
    ["publish", "says idStart 0, the manifest 17. Run `cifar5m repair`"],
  ] as const) {
    const path = join(root, "receipts", stage, "train-00001.json");
    await cp(join(root, "receipts", stage, "train-00000.json"), path);
    const problems = await verifyRun(root, testContext());
    const mismatches = problems.filter(({ code }) => code === "receipt/mismatch");
    expect(mismatches.map(({ message }) => message).join("\n")).toContain(`${path} ${said}`);
    expect(await repair(root)).toEqual([path]);
  }
  expect(await hashFolder(root)).toEqual(expected);
});

test("receipts and the manifest of another run are refused with nothing changed, and made again once they are moved away", async () => {
  const other = join(folder, "other");
  const sources = { data: join(folder, "cifar-10") };
  await runBuild({ root: other, runtime, sources, config: { ...smallConfig, unitSize: 18 } });
  const root = await copyRun();
  for (const [file, refusal] of [
    ["receipts/label/train-00000.json", "unit/config-changed"],
    ["receipts/publish/train-00000.json", "unit/config-changed"],
    ["dataset/manifest.json", "repair/manifest-of-another-run"],
  ] as const) {
    await cp(join(other, file), join(root, file));
    const before = await hashFolder(root);
    const told = (await verifyRun(root, testContext())).filter(({ message }) => message.startsWith(join(root, file)));
    expect(told.map(({ message }) => message).join("\n")).toContain(
      "move it away and run `cifar5m repair`, which makes it again",
    );
    expect((await errorOf(() => repair(root), refusal)).message).toContain(join(root, file));
    expect(await hashFolder(root)).toEqual(before);
    await rm(join(root, file));
    await repair(root);
    expect(await hashFolder(root)).toEqual(expected);
  }
});

test("damaged removals are named by line when a run is inspected, and damaged samples before they are published", async () => {
  const root = await copyRun();
  const removals = join(root, "dedup/removals/train-00001.jsonl");
  for (const [line, said] of [
    ['{"id": 30', "JSON"],
    ['{"id": 30}', "reason must be one of duplicate-of-cifar10-train, "],
    ["null", "it must be an object, got null"],
  ] as const) {
    await writeFile(removals, `${await readFile(join(pristine, "dedup/removals/train-00001.jsonl"), "utf8")}${line}\n`);
    const { message } = await errorOf(() => inspectRun(runFolderAt(root)), "removals/corrupt");
    expect(message).toMatch(/^line 2 of \S+ must describe a removal, and does not: .*Run `cifar5m repair`/);
    expect(message).toContain(said);
  }
  expect(await repair(root)).toEqual([removals]);
  expect(await hashFolder(root)).toEqual(expected);
  const samples = join(root, "samples/train-00001.u8");
  await flipBit(samples, 999);
  for (const file of ["dataset/train/part-00001.arrow", "receipts/publish/train-00001.json"])
    await rm(join(root, file));
  const build = () => runBuild({ root, runtime, sources: { data: join(folder, "cifar-10") } });
  const { message } = await errorOf(build, "unit/hash-mismatch");
  const receipt = join(root, "receipts/sample/train-00001.json");
  expect(message).toMatch(/train-00001\.u8 is sha256 \w{12}…, its receipt says \w{12}…\. .* delete \S+ and the file/);
  for (const path of [samples, receipt]) {
    expect(message).toContain(path);
    await rm(path);
  }
  await build();
  expect(await hashFolder(root)).toEqual(expected);
});
