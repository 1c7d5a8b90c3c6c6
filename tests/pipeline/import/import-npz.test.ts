import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readNpz } from "../../../pipeline/import/read-npz.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { testContext } from "../../support/run-build.ts";
import { hashFolder } from "../kill-build.ts";
import { makeImages, type TestImages, toInt64Bytes } from "./make-images.ts";
import { makeNpy, makeZip, type ZipMember } from "./make-npz.ts";
import { readSplit, rowsOf, runImport } from "./run-import.ts";

const hasNumpy = spawnSync("python3", ["-c", "import numpy"]).status === 0;
const set = makeImages("npz", 30);
const x = makeNpy("|u1", [30, 32, 32, 3], set.images);
const y = makeNpy("<i8", [30], toInt64Bytes(set.labels));
const good: readonly ZipMember[] = [
  { name: "X.npy", bytes: x },
  { name: "Y.npy", bytes: y },
];

async function npzFile(folder: string, members: readonly ZipMember[], name = "set.npz"): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, makeZip(members));
  return path;
}

test("a single .npz becomes a train part with the same pixels and labels, and verifies", async () => {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  await runImport({ root, path: await npzFile(folder, good) });
  const { manifest, ...train } = await readSplit(root, "train");
  expect(train).toMatchObject(rowsOf(set, 0, 30));
  expect(train.ids).toEqual(Array.from({ length: 30 }, (_, row) => row));
  expect(manifest.splits.train.shards.map(({ rows }) => rows)).toEqual([8, 8, 8, 6]);
  expect(manifest.splits.test.rows).toBe(0);
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("columns that a labeled set lacks are filled in as the manifest says: one-hot, certain, without a class", async () => {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  await runImport({ root, path: await npzFile(folder, good) });
  const { manifest, ...train } = await readSplit(root, "train");
  expect(new Set(train.classes)).toEqual(new Set([-1]));
  expect(new Set(train.confidences)).toEqual(new Set([1]));
  const oneHot = train.labels.flatMap((label) => Array.from({ length: 10 }, (_, index) => (index === label ? 1 : 0)));
  expect(train.probabilities).toEqual(oneHot);
  expect(manifest.config).toMatchObject({
    import: { format: "npz", columns: { class: expect.stringMatching(/^-1: /), probabilities: expect.any(String) } },
  });
});

test("the last of the six parts of CIFAR-5m is the test part, in the order of their numbers", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  await mkdir(source);
  for (let part = 0; part < 6; part++) {
    const { images, labels } = rowsOf(set, part * 5, part * 5 + 5);
    const members = [
      { name: "Y.npy", bytes: makeNpy("|u1", [5], Uint8Array.from(labels)), deflate: part % 2 === 0 },
      { name: "X.npy", bytes: makeNpy("|u1", [5, 32, 32, 3], images), deflate: part % 2 === 1 },
    ];
    await npzFile(source, members, `part${part}.npz`);
  }
  await runImport({ root, path: source });
  expect(await readSplit(root, "train")).toMatchObject(rowsOf(set, 0, 25));
  expect(await readSplit(root, "test")).toMatchObject({ ...rowsOf(set, 25, 30), ids: [25, 26, 27, 28, 29] });
});

test("--test-count makes the last images the test part, and the same images give the same set", async () => {
  const folder = await makeTestFolder();
  const path = await npzFile(folder, good);
  const deflated = good.map((member) => ({ ...member, deflate: true }));
  const packed = await npzFile(folder, deflated, "packed.npz");
  await runImport({ root: join(folder, "a"), path, testCount: 9 });
  await runImport({ root: join(folder, "b"), path: packed, testCount: 9 });
  expect(await readSplit(join(folder, "a"), "test")).toMatchObject(rowsOf(set, 21, 30));
  expect(await hashFolder(join(folder, "a"))).toEqual(await hashFolder(join(folder, "b")));
});

test("finished shards are kept, a lost shard is made again, and another source is refused", async () => {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  const path = await npzFile(folder, good);
  await runImport({ root, path });
  const whole = await hashFolder(root);
  await rm(join(root, "dataset", "train", "part-00002.arrow"));
  expect((await runImport({ root, path })).get("import/kept")).toBe(22);
  expect(await hashFolder(root)).toEqual(whole);
  const other = makeImages("other", 30);
  const members = [{ name: "X.npy", bytes: makeNpy("|u1", [30, 32, 32, 3], other.images) }, good[1]!];
  const otherPath = await npzFile(folder, members, "other.npz");
  const error = await errorOf(() => runImport({ root, path: otherPath }), "run/config-changed");
  expect(error.message).toContain("import.sourceSha256");
  expect(error.message).toMatch(/\. Import the same images with the same options to go on, or name a new run folder/);
});

test("nothing is imported into a run that was built, and one short line says so before the source is read", async () => {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  await openRun(runFolderAt(root), resolveConfig({ count: 20 }));
  const { message } = await errorOf(() => runImport({ root, path: join(folder, "missing.npz") }), "run/config-changed");
  expect(message).toBe(
    `${root} holds a run that was built, nothing can be imported into it. Name another run folder with --run.`,
  );
});

test("class-names.txt beside the file names other classes than those of CIFAR-10", async () => {
  const folder = await makeTestFolder();
  const root = join(folder, "run");
  const labels = makeNpy("<u2", [30], new Uint8Array(Uint16Array.from(set.labels, (label) => label + 2).buffer));
  const path = await npzFile(folder, [good[0]!, { name: "Y.npy", bytes: labels }]);
  await errorOf(() => runImport({ root, path }), "npz/label-out-of-range");
  const names = Array.from({ length: 12 }, (_, index) => `class ${index}`);
  await writeFile(join(folder, "class-names.txt"), names.join("\n"));
  await runImport({ root, path });
  const { manifest, labels: imported } = await readSplit(root, "train");
  expect(manifest.classNames).toEqual(names);
  expect(imported).toEqual(Array.from(set.labels, (label) => label + 2));
  expect(await verifyRun(root, testContext())).toEqual([]);
});

describe("refused in one line, with nothing written:", () => {
  const withX = (bytes: Uint8Array, more: Partial<ZipMember> = {}) => [{ name: "X.npy", bytes, ...more }, good[1]!];
  const withY = (bytes: Uint8Array, more: Partial<ZipMember> = {}) => [good[0]!, { name: "Y.npy", bytes, ...more }];
  const cases: readonly [string, string, Uint8Array][] = [
    ["pickled objects", "npz/pickled", makeZip(withX(makeNpy("|O", [30, 32, 32, 3], set.images)))],
    ["another dtype of X", "npz/wrong-dtype", makeZip(withX(makeNpy("<f4", [30, 32, 32, 3], set.images)))],
    ["another shape of X", "npz/wrong-shape", makeZip(withX(makeNpy("|u1", [30, 3072], set.images)))],
    ["planar images", "npz/wrong-shape", makeZip(withX(makeNpy("|u1", [30, 3, 32, 32], set.images)))],
    [
      "Fortran order",
      "npz/fortran-order",
      makeZip(withX(makeNpy("|u1", [30, 32, 32, 3], set.images, { fortran: true }))),
    ],
    ["floats as labels", "npz/wrong-dtype", makeZip(withY(makeNpy("<f8", [30], toInt64Bytes(set.labels))))],
    ["big-endian labels", "npz/wrong-dtype", makeZip(withY(makeNpy(">i8", [30], toInt64Bytes(set.labels))))],
    ["fewer labels", "npz/wrong-shape", makeZip(withY(makeNpy("<i8", [29], toInt64Bytes(set.labels.subarray(1)))))],
    ["a negative label", "npz/label-out-of-range", makeZip(withY(makeNpy("|i1", [30], new Uint8Array(30).fill(255))))],
    ["a label beyond", "npz/label-out-of-range", makeZip(withY(makeNpy("|u1", [30], new Uint8Array(30).fill(10))))],
    ["no labels", "npz/missing-array", makeZip([good[0]!])],
    ["no array", "npz/not-an-array", makeZip(withX(set.images))],
    [
      "a shape larger than the data",
      "npz/wrong-size",
      makeZip(withX(makeNpy("|u1", [30, 32, 32, 3], set.images.subarray(1)))),
    ],
    ["a checksum that lies", "npz/corrupt", makeZip(withX(x, { saysCrc: 1 }))],
    [
      "a size that is not that of the shape",
      "npz/wrong-size",
      makeZip(withX(x, { deflate: true, saysBytes: x.length + 1 })),
    ],
    [
      "a size and a shape that are less than there is",
      "npz/corrupt",
      makeZip(
        withY(makeNpy("|u1", [30], new Uint8Array(31)), {
          deflate: true,
          saysBytes: makeNpy("|u1", [30], new Uint8Array(30)).length,
        }),
      ),
    ],
    [
      "a size and a shape that are more than there is",
      "npz/corrupt",
      makeZip(
        withY(makeNpy("|u1", [30], new Uint8Array(29)), {
          deflate: true,
          saysBytes: makeNpy("|u1", [30], new Uint8Array(30)).length,
        }),
      ),
    ],
    ["a stored size that is more than there is", "npz/corrupt", makeZip(withY(y, { saysBytes: 2 ** 31 }))],
    [
      "a bomb: terabytes of nothing",
      "npz/corrupt",
      makeZip(
        withX(makeNpy("|u1", [1_000_000, 32, 32, 3], new Uint8Array(1000)), {
          deflate: true,
          saysBytes: 3_072_000_060,
        }),
      ),
    ],
    ["two members of a name", "npz/corrupt", makeZip([...good, good[0]!])],
    ["a path out of the folder", "npz/corrupt", makeZip([...good, { name: "../../evil.npy", bytes: x }])],
    ["an archive cut short", "npz/corrupt", makeZip(good).subarray(0, -1000)],
    ["an archive cut in the middle", "npz/corrupt", makeZip(good).subarray(0, 50_000)],
    ["a file that is not an archive", "npz/corrupt", Buffer.from("no archive at all")],
    ["an empty file", "npz/corrupt", new Uint8Array(0)],
    [
      "no images",
      "import/no-train-images",
      makeZip([
        { name: "X.npy", bytes: makeNpy("|u1", [0, 32, 32, 3], new Uint8Array(0)) },
        { name: "Y.npy", bytes: makeNpy("|u1", [0], new Uint8Array(0)) },
      ]),
    ],
  ];
  test.for(cases)("%s", async ([, code, bytes]) => {
    const folder = await makeTestFolder();
    const path = join(folder, "bad.npz");
    await writeFile(path, bytes);
    const { message } = await errorOf(() => runImport({ root: join(folder, "run"), path }), code);
    expect(message).not.toContain("\n");
    expect(message).toContain("bad.npz");
    expect(await readdir(folder)).toEqual(["bad.npz"]);
  });
});

test("a flipped bit anywhere in the data is caught before anything is written", async () => {
  const folder = await makeTestFolder();
  const whole = makeZip(good);
  const dataStart = 100;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: dataStart * 8, max: 30 * 3072 * 8 }), async (bit) => {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const path = join(folder, "flipped.npz");
      await writeFile(path, bytes);
      const root = join(folder, "run");
      expect((await errorOf(() => runImport({ root, path }), "npz/[a-z-]+")).message).toContain("flipped.npz");
      expect(await readdir(folder)).toEqual(["flipped.npz"]);
    }),
    { numRuns: 30 },
  );
});

test.skipIf(!hasNumpy)(
  "what numpy's savez and savez_compressed write is read, whatever integers the labels are",
  async () => {
    const folder = await makeTestFolder();
    const script = `
import numpy as np, sys
X = np.random.default_rng(0).integers(0, 256, (2500, 32, 32, 3), dtype=np.uint8)
Y = np.arange(2500) % 10
for index, kind in enumerate(["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"]):
    save = np.savez if index % 2 else np.savez_compressed
    save(f"{sys.argv[1]}/{kind}.npz", X=X, Y=Y.astype(kind))
X.tofile(f"{sys.argv[1]}/X.bin")
np.savez(f"{sys.argv[1]}/pickled.npz", X=X[:2], Y=np.array([1, "cat"], dtype=object))
np.savez(f"{sys.argv[1]}/fortran.npz", X=np.asfortranarray(X[:2]), Y=Y[:2])
`;
    execFileSync("python3", ["-c", script, folder]);
    const pixels = await readFile(join(folder, "X.bin"));
    const names = Array.from({ length: 10 }, (_, index) => String(index));
    const read = async (name: string): Promise<TestImages> => {
      const [images, labels]: [Uint8Array[], Uint8Array[]] = [[], []];
      for await (const chunk of readNpz(join(folder, name), names)) {
        images.push(chunk.images);
        labels.push(chunk.labels);
      }
      return { images: Buffer.concat(images), labels: Buffer.concat(labels) };
    };
    for (const kind of ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"]) {
      const { images, labels } = await read(`${kind}.npz`);
      expect(pixels.equals(images), kind).toBe(true);
      expect([...labels], kind).toEqual(Array.from({ length: 2500 }, (_, row) => row % 10));
    }
    await errorOf(() => read("pickled.npz"), "npz/pickled");
    await errorOf(() => read("fortran.npz"), "npz/fortran-order");
  },
);
