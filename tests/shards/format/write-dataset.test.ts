import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { readManifest, writeManifest } from "../../../shards/format/manifest-file.ts";
import { type DatasetRows, openDataset, uploadDataset, verifyDataset, writeDataset } from "../../../shards/index.ts";
import { errorOf } from "../../support/expect-error.ts";
import { collectBatches } from "../../support/open-test-dataset.ts";

const classNames = ["red", "green", "blue"];
const newFolder = () => mkdtemp(join(tmpdir(), "cifar5m-test-"));

/** Rows of solid color, whose gray value tells the row. */
function rowsOf(first: number, count: number): DatasetRows & { readonly labels: number[] } {
  const images = new Uint8Array(count * 3072);
  for (let row = 0; row < count; row++) images.fill((first + row) % 256, row * 3072, (row + 1) * 3072);
  return { images, labels: Array.from({ length: count }, (_, row) => (first + row) % 3) };
}

async function* streamed(...sizes: number[]) {
  let first = 0;
  for (const size of sizes) {
    yield rowsOf(first, size);
    first += size;
  }
}

test("rows of any grouping become the same shards, which the loader serves and the verifier approves", async () => {
  const [one, other] = [await newFolder(), await newFolder()];
  const manifest = await writeDataset(one, {
    classNames,
    train: streamed(7, 1, 0, 12),
    test: [rowsOf(0, 5)],
    rowsPerShard: 8,
  });
  const same = await writeDataset(other, { classNames, train: streamed(20), test: streamed(2, 3), rowsPerShard: 8 });
  expect(same).toEqual(manifest);
  expect(manifest.splits.train).toMatchObject({ rows: 20, classCounts: [7, 7, 6] });
  expect(manifest.splits.train.shards.map(({ rows, idStart }) => [rows, idStart])).toEqual([
    [8, 0],
    [8, 8],
    [4, 16],
  ]);
  expect(manifest.splits.test.shards[0]).toMatchObject({ file: "test/part-00000.arrow", idStart: 20, idEnd: 25 });
  for (const { file } of manifest.splits.train.shards) {
    expect(await readFile(join(one, file))).toEqual(await readFile(join(other, file)));
  }
  expect((await verifyDataset(one)).problems).toEqual([]);
  const dataset = await openDataset(one);
  const { images, labels, ids } = await dataset.readImages([0, 8, 19]);
  expect([...labels]).toEqual([0, 2, 1]);
  expect([...ids]).toEqual([0, 8, 19]);
  expect([0, 1, 2].map((row) => images[row * 3072])).toEqual([0, 8, 19]);
  dataset.close();
});

test("a call that was interrupted leaves no shards behind in the set that the next one makes", async () => {
  const folder = await newFolder();
  const broken = (async function* () {
    yield rowsOf(0, 20);
    throw new Error("the source ended");
  })();
  await expect(writeDataset(folder, { classNames, train: broken, rowsPerShard: 4 })).rejects.toThrow("ended");
  expect((await readdir(join(folder, "train"))).length).toBeGreaterThan(3);
  await writeDataset(folder, { classNames, train: [rowsOf(0, 20)], rowsPerShard: 10 });
  expect((await readdir(join(folder, "train"))).sort()).toEqual(["part-00000.arrow", "part-00001.arrow"]);
  expect((await verifyDataset(folder)).problems).toEqual([]);
});

test("shards that no reader would take are refused before any row is written", async () => {
  const folder = await newFolder();
  const writing = writeDataset(folder, { classNames, train: [rowsOf(0, 20)], rowsPerShard: 500_001 });
  await expect(writing).rejects.toMatchObject({ code: "dataset/out-of-range" });
  expect(await readdir(folder)).toEqual([]);
});

test("classes and labels beyond a byte are served and filtered as they are", async () => {
  const folder = await newFolder();
  const many = Array.from({ length: 256 }, (_, label) => `c${label}`);
  const { images } = rowsOf(0, 4);
  const [labels, classes] = [
    [0, 130, 150, 255],
    [255, 150, 130, -1],
  ];
  const probabilities = labels.flatMap((label) => many.map((_, index) => (index === label ? 1 : 0)));
  await writeDataset(folder, { classNames: many, train: [{ images, probabilities, classes }] });
  for (const memoryBytes of [0, 1e9]) {
    const dataset = await openDataset(folder, { memoryBytes });
    const options = { regime: "finite", shuffle: false, batchSize: 4, columns: ["class"] } as const;
    const [batch] = await collectBatches(dataset.loader(options));
    expect([[...batch!.labels], [...batch!.classes!]]).toEqual([labels, classes]);
    const last = await dataset.filter({ classes: ["c255"] });
    expect([last.numSamples, [...(await last.readImages([0])).ids]]).toEqual([1, [3]]);
    dataset.close();
  }
});

test("probabilities give the label and the confidence", async () => {
  const folder = await newFolder();
  const { images } = rowsOf(0, 2);
  await writeDataset(folder, {
    classNames,
    train: [{ images, probabilities: [0.2, 0.5, 0.3, 0.9, 0.05, 0.05], classes: [2, -1] }],
    name: "mine",
    config: { from: "a test" },
  });
  const dataset = await openDataset(folder);
  const columns = ["class", "confidence", "probabilities"] as const;
  const loader = dataset.loader({ regime: "finite", shuffle: false, batchSize: 2, epochs: 1, columns });
  const [batch] = await collectBatches(loader);
  expect([...batch!.labels]).toEqual([1, 0]);
  expect([...batch!.classes!]).toEqual([2, -1]);
  expect([...batch!.confidences!]).toEqual([0.5, Math.fround(0.9)]);
  expect(dataset.manifest).toMatchObject({ name: "mine", config: { from: "a test" } });
  dataset.close();
});

test("a finished set is not overwritten, and an interrupted one is started over", async () => {
  const folder = await newFolder();
  async function* breaking() {
    yield rowsOf(0, 10);
    throw new Error("the source broke");
  }
  const broken = writeDataset(folder, { classNames, train: breaking(), rowsPerShard: 4 });
  await expect(broken).rejects.toThrow("the source broke");
  expect((await readdir(folder)).sort()).toEqual([".unfinished", "train"]);
  await writeFile(join(folder, "train", "part-00000.arrow"), "what a crash might leave");
  await writeDataset(folder, { classNames, train: streamed(10), rowsPerShard: 4 });
  expect((await verifyDataset(folder)).problems).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(["manifest.json", "train"]);
  const again = writeDataset(folder, { classNames, train: streamed(3) });
  await expect(again).rejects.toMatchObject({ code: "dataset/exists" });
  expect((await openDataset(folder)).numSamples).toBe(10);
});

test("of two calls for one folder one writes, and the other is told who does", async () => {
  const folder = await newFolder();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => writeDataset(folder, { classNames, train: streamed(10), rowsPerShard: 4 })),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(["dataset/under-way", "dataset/exists"]).toContain(outcome.reason.code);
  }
  expect((await verifyDataset(folder)).problems).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(["manifest.json", "train"]);
});

test("files of others are neither overwritten nor deleted", async () => {
  const folder = await newFolder();
  await mkdir(join(folder, "test"));
  await writeFile(join(folder, "test", "part-00000.arrow"), "mine");
  await writeFile(join(folder, "notes.txt"), "mine");
  const refused = writeDataset(folder, { classNames, train: streamed(3) });
  await expect(refused).rejects.toMatchObject({
    code: "dataset/not-empty",
    message: expect.stringMatching(
      /test must be empty or not exist, .*; it has part-00000\.arrow\. Name another folder/,
    ),
  });
  expect((await readdir(folder)).sort()).toEqual(["notes.txt", "test"]);
  expect(await readFile(join(folder, "test", "part-00000.arrow"), "utf8")).toBe("mine");
});

test("a source is closed when the call ends early, and a signal ends the call", async () => {
  let isClosed = false;
  const controller = new AbortController();
  async function* endless() {
    try {
      for (let first = 0; ; first += 5) {
        if (first === 100) controller.abort(new Error("enough"));
        yield rowsOf(first, 5);
      }
    } finally {
      isClosed = true;
    }
  }
  const folder = await newFolder();
  const { signal } = controller;
  const writing = writeDataset(folder, { classNames, train: endless(), rowsPerShard: 10, signal });
  await expect(writing).rejects.toThrow("enough");
  expect(isClosed).toBe(true);
});

const good = rowsOf(0, 2);
test.each<[string, object, string, RegExp]>([
  ["images of another size", { images: new Uint8Array(3071), labels: [0] }, "dataset/bad-rows", /3072 bytes, got 3071/],
  ["images that are not bytes", { images: [1, 2], labels: [0] }, "dataset/bad-rows", /Uint8Array/],
  ["fewer labels than images", { ...good, labels: [0] }, "dataset/bad-rows", /labels must have 2 values .* got 1/],
  [
    "a label beyond the classes",
    { ...good, labels: [0, 3] },
    "dataset/bad-rows",
    /row 1 of train: label .* \[0, 3\), got 3/,
  ],
  ["a label that is not an integer", { ...good, labels: [0, 0.5] }, "dataset/bad-rows", /got 0\.5/],
  ["neither labels nor probabilities", { images: good.images }, "dataset/bad-rows", /neither/],
  [
    "a probability above 1",
    { images: good.images, probabilities: [0, 0, 1, 0, 2, 0] },
    "dataset/bad-rows",
    /row 1 .* got 2/,
  ],
  [
    "a probability that is NaN",
    { images: good.images, probabilities: [0, 0, 1, 0, Number.NaN, 0] },
    "dataset/bad-rows",
    /NaN/,
  ],
  [
    "a label against its probabilities",
    { ...good, probabilities: [0, 1, 0, 0, 1, 0] },
    "dataset/bad-rows",
    /most probable class, 1, got 0/,
  ],
  ["a class below -1", { ...good, classes: [0, -2] }, "dataset/bad-rows", /class must .* got -2/],
])("%s is refused, and no manifest appears", async (_, rows, code, message) => {
  const folder = await newFolder();
  const written = writeDataset(folder, { classNames, train: [rows as DatasetRows] });
  await expect(written).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(await readdir(folder)).not.toContain("manifest.json");
});

test.each<[object, RegExp]>([
  [{ classNames: ["one"], train: [] }, /classNames must be 2 to 256 names, got 1/],
  [{ classNames, train: [], rowsPerShard: 0 }, /rowsPerShard must be an integer from 1 to 500000, got 0/],
  [{ classNames, train: [], rowPerShard: 5 }, /rowPerShard is not a key/],
])("options out of range are refused: %o", async (options, message) => {
  await expect(writeDataset(await newFolder(), options as never)).rejects.toThrow(message);
});

test("one object of rows is a split; what is neither rows nor an iterable is refused", async () => {
  const folder = await newFolder();
  const manifest = await writeDataset(folder, { classNames, train: rowsOf(0, 5) });
  expect(manifest.splits.train.rows).toBe(5);
  for (const train of [7, "rows", null] as never[]) {
    const { message } = await errorOf(
      async () => writeDataset(await newFolder(), { classNames, train }),
      "dataset/bad-rows",
    );
    expect(message).toContain(`rows must be an object of arrays, or an iterable of such objects, got ${String(train)}`);
  }
});

test("a chunk that is none is refused, and a mark that a killed call left beside a manifest is removed", async () => {
  const folder = await newFolder();
  for (const chunk of [null, undefined, 7]) {
    const writing = () => writeDataset(join(folder, "none"), { classNames, train: [chunk as never] });
    expect((await errorOf(writing, "dataset/bad-rows")).message).toContain(`got ${chunk}`);
  }
  const set = join(folder, "set");
  await writeDataset(set, { classNames, train: rowsOf(0, 3) });
  await writeFile(join(set, ".unfinished"), "");
  await errorOf(() => writeDataset(set, { classNames, train: rowsOf(0, 3) }), "dataset/exists");
  expect((await readdir(set)).sort()).toEqual(["manifest.json", "train"]);
});

test("a file: URL names its folder, and a location elsewhere is refused before a folder of its name is made", async () => {
  const folder = await newFolder();
  const options = { classNames, train: [rowsOf(0, 3)] };
  await writeDataset(pathToFileURL(join(folder, "a set")), options);
  await writeDataset(pathToFileURL(join(folder, "a text")).href, options);
  for (const name of ["a set", "a text"]) expect((await verifyDataset(join(folder, name))).rows).toBe(3);
  const published = join(folder, "published");
  await uploadDataset({ directory: pathToFileURL(join(folder, "a set")).href, to: published });
  expect((await verifyDataset(published)).problems).toEqual([]);
  for (const location of ["s3://bucket/prefix", "https://host/set", "ftp://host/set", ""]) {
    await errorOf(() => writeDataset(location, options), "store/bad-location");
    await errorOf(() => uploadDataset({ directory: location, to: published }), "store/bad-location");
    const cached = openDataset("http://127.0.0.1:1/set", { cache: { directory: location } });
    await errorOf(() => cached, "store/bad-location");
  }
  const { version: _, sha256: __, ...manifest } = await readManifest(published);
  await errorOf(() => writeManifest("s3://bucket/prefix", manifest), "store/bad-location");
  for (const name of ["s3:", "https:", "ftp:", "file:"]) expect(existsSync(name)).toBe(false);
});
