import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cifar10Files } from "../../../pipeline/cifar-10/cifar-10-files.ts";
import { readCifar10 } from "../../../pipeline/cifar-10/read-cifar-10.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { errorOf } from "../../support/expect-error.ts";
import { cifar10FileBytes, makeCifar10, noiseBytes, recordsPerFile } from "../../support/make-cifar-10.ts";
import { makePythonCifar10, pythonBatch } from "../../support/make-python-cifar.ts";
import { makeTestFolder, range } from "../../support/make-rows.ts";
import { type Member, makeTarGz } from "../../support/make-tar.ts";
import { testContext } from "../../support/run-build.ts";
import { hashFolder } from "../kill-build.ts";
import { readSplit, runImport } from "./run-import.ts";

const members = (): Member[] =>
  cifar10Files(recordsPerFile).map(({ name }, index) => ({
    path: `cifar-10-batches-bin/${name}`,
    bytes: cifar10FileBytes(index),
  }));

/** A record of CIFAR-100: coarse label, fine label, planes. */
const record100 = (index: number, fine: number) =>
  Buffer.concat([Uint8Array.of(index % 20, fine), noiseBytes(`cifar-100 ${index}`, 3072)]);

test("binary CIFAR-10 keeps its parts, pixels and labels, both from a folder and from an archive", async () => {
  const folder = await makeTestFolder();
  const data = join(folder, "cifar-10");
  await makeCifar10(data);
  const archive = join(folder, "cifar-10-binary.tar.gz");
  await writeFile(archive, makeTarGz(members()));
  await runImport({ root: join(folder, "a"), path: data, recordsPerFile });
  await runImport({ root: join(folder, "b"), path: archive, recordsPerFile });
  const original = await readCifar10(data, recordsPerFile);
  for (const split of ["train", "test"] as const) {
    const { images, labels } = original[split];
    const imported = await readSplit(join(folder, "a"), split);
    expect(imported.images.equals(images)).toBe(true);
    expect(imported.labels).toEqual([...labels]);
  }
  expect(await hashFolder(join(folder, "b"))).toEqual(await hashFolder(join(folder, "a")));
});

test("the Python versions of CIFAR-10 and CIFAR-100 give the same sets as the binary ones", async () => {
  const folder = await makeTestFolder();
  const at = (...names: string[]) => join(folder, ...names);
  await makeCifar10(at("binary"));
  await makePythonCifar10(at("python"), recordsPerFile);
  const parts = [range(0, 30), range(30, 36)].map((part) => part.map((index) => record100(index, (index * 13) % 100)));
  const names = ["train", "test"];
  for (const directory of ["binary100", "python100"]) await mkdir(at(directory));
  for (const [index, name] of names.entries()) {
    const records = Buffer.concat(parts[index]!);
    await writeFile(at("binary100", `${name}.bin`), records);
    await writeFile(at("python100", name), pythonBatch(records, ["coarse_labels", "fine_labels"]));
  }
  const members = names.map(async (name) => ({
    path: `cifar-100-python/${name}`,
    bytes: await readFile(at("python100", name)),
  }));
  await writeFile(at("cifar-100-python.tar.gz"), makeTarGz(await Promise.all(members)));
  for (const source of ["binary", "python", "binary100", "python100", "cifar-100-python.tar.gz"]) {
    await runImport({ root: at("runs", source), path: at(source), recordsPerFile });
  }
  const hashOf = async (source: string) => await hashFolder(at("runs", source));
  expect(await hashOf("python")).toEqual(await hashOf("binary"));
  expect(await hashOf("python100")).toEqual(await hashOf("binary100"));
  expect(await hashOf("cifar-100-python.tar.gz")).toEqual(await hashOf("binary100"));
});

test("of an archive with both versions, which differ, the first one counts, as in a build", async () => {
  const folder = await makeTestFolder();
  const python = cifar10Files(recordsPerFile).map(({ name }, index) => ({
    path: `cifar-10-batches-py/${name.replace(".bin", "")}`,
    bytes: pythonBatch(cifar10FileBytes(index + 6)),
  }));
  const orders = { "python-first": [...python, ...members()], "binary-first": [...members(), ...python] };
  const imported = await Promise.all(
    Object.entries(orders).map(async ([name, ordered]) => {
      const path = join(folder, `${name}.tar.gz`);
      await writeFile(path, makeTarGz(ordered));
      const root = join(folder, name);
      await runImport({ root, path, recordsPerFile });
      const { images } = await readSplit(root, "train");
      expect(images.equals((await readCifar10(path, recordsPerFile)).train.images)).toBe(true);
      return images;
    }),
  );
  expect(imported[0]!.equals(imported[1]!)).toBe(false);
});

test("binary CIFAR-100 gives its 100 fine labels and verifies", async () => {
  const folder = await makeTestFolder();
  const [data, root] = [join(folder, "data"), join(folder, "run")];
  await mkdir(data);
  const fine = (index: number) => (index * 13) % 100;
  const records = (start: number, end: number) =>
    Buffer.concat(Array.from({ length: end - start }, (_, index) => record100(start + index, fine(start + index))));
  await writeFile(join(data, "train.bin"), records(0, 30));
  await writeFile(join(data, "test.bin"), records(30, 36));
  await runImport({ root, path: data, recordsPerFile });
  const { manifest, ...train } = await readSplit(root, "train");
  expect(manifest.classNames).toHaveLength(100);
  expect(new Set(manifest.classNames).size).toBe(100);
  expect([...manifest.classNames]).toEqual([...manifest.classNames].sort());
  expect(train.labels).toEqual(Array.from({ length: 30 }, (_, index) => fine(index)));
  expect(train.probabilities).toHaveLength(3000);
  const planes = noiseBytes("cifar-100 7", 3072);
  const pixel = [0, 1024, 2048].map((plane) => planes[plane + 5 * 32 + 9]);
  expect([...train.images.subarray(7 * 3072 + (5 * 32 + 9) * 3).subarray(0, 3)]).toEqual(pixel);
  expect((await readSplit(root, "test")).labels).toEqual(Array.from({ length: 6 }, (_, index) => fine(30 + index)));
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("a file that is missing, cut or has labels out of range is refused, with nothing written", async () => {
  const folder = await makeTestFolder();
  const [data, root] = [join(folder, "data"), join(folder, "run")];
  const importData = () => runImport({ root, path: data, format: "cifar-10", recordsPerFile });
  await makeCifar10(data);
  await rm(join(data, "data_batch_4.bin"));
  expect((await errorOf(importData, "import/missing-file")).message).toContain("data_batch_4.bin");
  await makeCifar10(data);
  await truncate(join(data, "data_batch_2.bin"), 3073 * 5);
  expect((await errorOf(importData, "import/wrong-size")).message).toContain("data_batch_2.bin");
  const bytes = Buffer.from(cifar10FileBytes(1));
  bytes[3073 * 2] = 10;
  await writeFile(join(data, "data_batch_2.bin"), bytes);
  expect((await errorOf(importData, "import/label-out-of-range")).message).toMatch(
    /data_batch_2\.bin record 2: .*10\./,
  );
  expect(await readdir(folder)).toEqual(["data"]);
});

test("a hostile archive writes no file anywhere, whatever its names, links and sizes", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "evil.tar.gz");
  const importArchive = () => runImport({ root: join(folder, "run"), path, recordsPerFile });
  const evil: Member[] = [
    { path: "../../evil.bin", bytes: Buffer.from("evil") },
    { path: "/tmp/cifar5m-evil.bin", bytes: Buffer.from("evil") },
    { path: "cifar-10-batches-bin/data_batch_1.bin", bytes: new Uint8Array(0), type: "2", linkTo: "/etc/passwd" },
  ];
  await writeFile(path, makeTarGz([...evil, ...members().slice(1)]));
  await errorOf(importArchive, "import/missing-file");
  await writeFile(path, makeTarGz([{ ...members()[0]!, size: 2 ** 33 }]));
  await errorOf(importArchive, "archive/(wrong-size|corrupt)");
  await writeFile(path, makeTarGz(members()).subarray(0, 5000));
  await errorOf(importArchive, "archive/corrupt");
  expect(await readdir(folder)).toEqual(["evil.tar.gz"]);
});

test("a folder that holds nothing known is refused", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "source");
  await mkdir(path);
  await errorOf(() => runImport({ root: join(folder, "run"), path }), "import/unknown-source");
  await errorOf(() => runImport({ root: join(folder, "run"), path: join(folder, "nowhere") }), "disk/missing");
});
