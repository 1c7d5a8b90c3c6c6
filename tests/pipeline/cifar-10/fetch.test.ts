import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cifar10Files } from "../../../pipeline/cifar-10/cifar-10-files.ts";
import { fetchCifar10, readFetchReceipts } from "../../../pipeline/cifar-10/fetch.ts";
import { readCifar10 } from "../../../pipeline/cifar-10/read-cifar-10.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { errorOf } from "../../support/expect-error.ts";
import { cifar10FileBytes, makeCifar10, recordsPerFile } from "../../support/make-cifar-10.ts";
import { makePythonCifar10, pythonBatch } from "../../support/make-python-cifar.ts";
import { type Member, makeTarGz } from "../../support/make-tar.ts";
import { testContext } from "../../support/run-build.ts";

let folder: string;
let numRuns = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-fetch-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newRun = () => runFolderAt(join(folder, `run-${numRuns++}`));

async function fetchInto(run: ReturnType<typeof runFolderAt>, data: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of fetchCifar10({ folder: run, data, recordsPerFile }, testContext())) names.push(name);
  return names;
}

async function damagedCopy(name: string, damage: (path: string) => Promise<void>): Promise<string> {
  const data = join(folder, name);
  await makeCifar10(data);
  await damage(join(data, "data_batch_3.bin"));
  return data;
}

const goodMembers = (): Member[] =>
  cifar10Files(recordsPerFile).map(({ name }, index) => ({
    path: `cifar-10-batches-bin/${name}`,
    bytes: cifar10FileBytes(index),
  }));

async function archive(name: string, members: readonly Member[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, makeTarGz(members));
  return path;
}

test("a folder is copied file by file, each with its receipt, and read as images", async () => {
  const data = join(folder, "good");
  await makeCifar10(data);
  const run = newRun();
  expect(await fetchInto(run, data)).toEqual(cifar10Files().map(({ name }) => name));
  expect((await readFetchReceipts(run))?.map(({ rows }) => rows)).toEqual([6, 6, 6, 6, 6, 6]);
  const { train } = await readCifar10(run.cifar10, recordsPerFile);
  expect(train.labels).toEqual(Uint8Array.from({ length: 30 }, (_, index) => index % 10));
  const record = cifar10FileBytes(1).subarray(3073 * 2, 3073 * 3);
  const image = train.images.subarray(8 * 3072, 9 * 3072);
  // Row 1, column 5: red, green, blue.
  expect([...image.subarray((32 + 5) * 3, (32 + 5) * 3 + 3)]).toEqual(
    [1 + 37, 1 + 1024 + 37, 1 + 2048 + 37].map((at) => record[at]),
  );
});

test("a cut file is refused by name, rule and size, and leaves no receipt", async () => {
  const data = await damagedCopy("cut", (path) => truncate(path, 100));
  const run = newRun();
  const { message } = await errorOf(() => fetchInto(run, data), "cifar10/wrong-size");
  expect(message).toContain(join(data, "data_batch_3.bin"));
  expect(message).toContain("18438 in all, got 100");
  expect(await readFetchReceipts(run)).toBeUndefined();
});

test("a file with too many bytes is refused", async () => {
  const data = await damagedCopy("long", (path) => appendFile(path, "x"));
  await errorOf(() => fetchInto(newRun(), data), "cifar10/wrong-size");
});

test("a label above 9 is refused by file, record and value", async () => {
  const data = await damagedCopy("label", async (path) => {
    const bytes = await readFile(path);
    bytes[2 * 3073] = 12;
    await writeFile(path, bytes);
  });
  const { message } = await errorOf(() => fetchInto(newRun(), data), "cifar10/label-out-of-range");
  expect(message).toMatch(/data_batch_3\.bin record 2: .* got 12/);
});

test("a folder that does not exist, or lacks a file, is refused by path", async () => {
  const missing = await errorOf(() => fetchInto(newRun(), join(folder, "nowhere")), "disk/missing");
  expect(missing.message).toContain(join(folder, "nowhere"));
  const data = await damagedCopy("lacking", (path) => rm(path));
  const lacking = await errorOf(() => fetchInto(newRun(), data), "cifar10/missing-file");
  expect(lacking.message).toContain("data_batch_3.bin");
});

test("data that differs from the run's is refused", async () => {
  const data = join(folder, "good");
  const run = newRun();
  await fetchInto(run, data);
  await fetchInto(run, data);
  const other = await damagedCopy("other", async (path) => writeFile(path, cifar10FileBytes(9)));
  await errorOf(() => fetchInto(run, other), "run/data-changed");
});

test("a file that was deleted from the run is brought again, from the same data only", async () => {
  const data = join(folder, "deleted");
  await makeCifar10(data);
  const run = newRun();
  await fetchInto(run, data);
  const path = join(run.cifar10, "data_batch_3.bin");
  const before = await readFile(path);
  await rm(path);
  const other = await damagedCopy("deleted-other", async (damaged) => {
    const bytes = await readFile(damaged);
    bytes[5]! ^= 1;
    await writeFile(damaged, bytes);
  });
  await errorOf(() => fetchInto(run, other), "run/data-changed");
  await fetchInto(run, data);
  expect(await readFile(path)).toEqual(before);
  expect(await readCifar10(run.cifar10, recordsPerFile)).toEqual(await readCifar10(data, recordsPerFile));
});

test("an archive gives the same files and images as the folder", async () => {
  const run = newRun();
  const others: Member[] = [{ path: "cifar-10-batches-bin/", bytes: new Uint8Array(0), type: "5" }];
  const path = await archive("good.tar.gz", [...others, ...goodMembers().reverse()]);
  await fetchInto(run, path);
  expect((await readFile(join(run.cifar10, "test_batch.bin"))).equals(cifar10FileBytes(5))).toBe(true);
  expect(await readCifar10(path, recordsPerFile)).toEqual(await readCifar10(run.cifar10, recordsPerFile));
});

test("of a file that an archive holds twice, the first one counts", async () => {
  const run = newRun();
  const twice = { path: "data_batch_1.bin", bytes: cifar10FileBytes(7) };
  await fetchInto(run, await archive("twice.tar.gz", [...goodMembers(), twice]));
  expect((await readFile(join(run.cifar10, "data_batch_1.bin"))).equals(cifar10FileBytes(0))).toBe(true);
});

test("of an archive with both versions, which differ, the first one counts", async () => {
  const python = cifar10Files(recordsPerFile).map(({ name }, index) => ({
    path: `cifar-10-batches-py/${name.replace(".bin", "")}`,
    bytes: pythonBatch(cifar10FileBytes(index + 6)),
  }));
  const [pythonFirst, binaryFirst] = [newRun(), newRun()];
  await fetchInto(pythonFirst, await archive("python-first.tar.gz", [...python, ...goodMembers()]));
  await fetchInto(binaryFirst, await archive("binary-first.tar.gz", [...goodMembers(), ...python]));
  for (const [index, { name }] of cifar10Files().entries()) {
    expect((await readFile(join(pythonFirst.cifar10, name))).equals(cifar10FileBytes(index + 6)), name).toBe(true);
    expect((await readFile(join(binaryFirst.cifar10, name))).equals(cifar10FileBytes(index)), name).toBe(true);
  }
});

test("a folder with a part of each version gives the files that either has, of both the binary one", async () => {
  const data = join(folder, "both");
  await makeCifar10(data);
  await rm(join(data, "data_batch_1.bin"));
  await writeFile(join(data, "data_batch_1"), pythonBatch(cifar10FileBytes(0)));
  await writeFile(join(data, "data_batch_2"), pythonBatch(cifar10FileBytes(7)));
  const run = newRun();
  await fetchInto(run, data);
  for (const [index, { name }] of cifar10Files().entries()) {
    expect((await readFile(join(run.cifar10, name))).equals(cifar10FileBytes(index)), name).toBe(true);
  }
});

test("a hostile archive cannot write a file: foreign paths, links and unknown names are skipped", async () => {
  const run = newRun();
  const evil = Buffer.from("evil");
  const path = await archive("hostile.tar.gz", [
    { path: "../../escaped.bin", bytes: evil },
    { path: "/tmp/cifar5m-escaped.bin", bytes: evil },
    { path: "../data_batch_1.bin", bytes: cifar10FileBytes(7) },
    { path: "cifar-10-batches-bin/../data_batch_2.bin", bytes: cifar10FileBytes(7) },
    { path: "data_batch_3.bin", bytes: new Uint8Array(0), type: "2", linkTo: "/etc/passwd" },
    { path: "run.json", bytes: evil },
    ...goodMembers(),
  ]);
  await fetchInto(run, path);
  expect((await readdir(run.cifar10)).sort()).toEqual(cifar10Files().map(({ name }) => name));
  expect((await readFile(join(run.cifar10, "data_batch_1.bin"))).equals(cifar10FileBytes(0))).toBe(true);
  expect((await readdir(run.root)).sort()).toEqual(["cifar-10", "receipts"]);
});

test("the Python version, which torchvision downloads, gives the files of the binary version, from a folder and an archive", async () => {
  const [fromFolder, fromArchive] = [newRun(), newRun()];
  const torchvision = join(folder, "cifar-10-batches-py");
  await makePythonCifar10(torchvision, recordsPerFile);
  const members = ["batches.meta", ...cifar10Files().map(({ name }) => name.replace(".bin", ""))].map(async (name) => ({
    path: `cifar-10-batches-py/${name}`,
    bytes: await readFile(join(torchvision, name)),
  }));
  await fetchInto(fromFolder, torchvision);
  await fetchInto(fromArchive, await archive("python.tar.gz", await Promise.all(members)));
  for (const [index, { name }] of cifar10Files().entries()) {
    for (const run of [fromFolder, fromArchive]) {
      expect((await readFile(join(run.cifar10, name))).equals(cifar10FileBytes(index)), name).toBe(true);
    }
  }
  // The other version is the same data.
  await fetchInto(fromFolder, await damagedCopy("whole", async () => undefined));
});

test("a folder with a part of the Python version is refused, and both versions are named", async () => {
  const torchvision = join(folder, "a part");
  await mkdir(torchvision);
  for (const name of ["data_batch_1", "test_batch", "batches.meta"]) await writeFile(join(torchvision, name), "pickle");
  const { message } = await errorOf(() => fetchInto(newRun(), torchvision), "cifar10/missing-file");
  expect(message).toContain("data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin not found");
  expect(message).toContain("Get cifar-10-binary.tar.gz or cifar-10-python.tar.gz");
});

test("of the folder above the files, the error asks whether the inner one was meant", async () => {
  const above = join(folder, "above");
  await mkdir(join(above, "cifar-10-batches-py"), { recursive: true });
  const { message } = await errorOf(() => fetchInto(newRun(), above), "cifar10/missing-file");
  expect(message).toContain(`not found. Did you mean ${join(above, "cifar-10-batches-py")}? Get cifar-10-binary`);
});

test("a cut, foreign or incomplete archive is refused", async () => {
  const whole = await readFile(await archive("whole.tar.gz", goodMembers()));
  const cut = join(folder, "cut.tar.gz");
  await writeFile(cut, whole.subarray(0, whole.length / 2));
  expect((await errorOf(() => fetchInto(newRun(), cut), "archive/corrupt")).message).toContain(cut);
  const noArchive = join(folder, "text.tar.gz");
  await writeFile(noArchive, "no archive");
  await errorOf(() => fetchInto(newRun(), noArchive), "archive/corrupt");
  const incomplete = await archive("incomplete.tar.gz", goodMembers().slice(0, 5));
  expect((await errorOf(() => fetchInto(newRun(), incomplete), "cifar10/missing-file")).message).toContain(
    "test_batch.bin",
  );
  const [first, ...others] = goodMembers();
  const wrong = await archive("wrong.tar.gz", [{ ...first!, bytes: cifar10FileBytes(0, 5) }, ...others]);
  await errorOf(() => fetchInto(newRun(), wrong), "archive/wrong-size");
});
