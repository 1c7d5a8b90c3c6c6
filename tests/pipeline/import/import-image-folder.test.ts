import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { importSteps } from "../../../pipeline/import/import-steps.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import { hashFolder } from "../kill-build.ts";
import { makeImages } from "./make-images.ts";
import { readSplit, rowsOf, runImport } from "./run-import.ts";

const set = makeImages("pictures", 12, 3);
const classes = ["cat", "dog", "emu, large"];
const pixelsOf = (row: number) => set.images.subarray(row * 3072, (row + 1) * 3072);
const raw = (width: number, height: number, channels: 3 | 4 = 3) => ({ raw: { width, height, channels } });

async function writeInto(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

async function writePicture(path: string, row: number): Promise<void> {
  await writeInto(path, await sharp(pixelsOf(row), raw(32, 32)).png().toBuffer());
}

/** One picture a row, in the folder of its class. */
async function writePictures(source: string, start: number, end: number): Promise<void> {
  for (let row = start; row < end; row++) {
    await writePicture(join(source, classes[set.labels[row]!]!, `${String(row).padStart(4, "0")}.png`), row);
  }
}

test("a folder of pictures by class is read in the order of file names, with the folders as class names", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  await writePictures(source, 0, 12);
  await writeInto(join(source, "cat", ".DS_Store"), Buffer.from("hidden"));
  await runImport({ root, path: source, testCount: 2 });
  const { manifest, ...train } = await readSplit(root, "train");
  expect(manifest.classNames).toEqual(classes);
  expect(train).toMatchObject(rowsOf(set, 0, 10));
  expect(await readSplit(root, "test")).toMatchObject(rowsOf(set, 10, 12));
  expect(await verifyRun(root, testContext())).toEqual([]);
});

test("an import whose last images are of one class says which classes its test part lacks", async () => {
  const folder = await makeTestFolder();
  const source = join(folder, "source");
  for (const [row, name] of ["cat/cat_0.png", "cat/cat_1.png", "dog/dog_0.png", "dog/dog_1.png"].entries()) {
    await writePicture(join(source, name), row);
  }
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  await runImport({ root: join(folder, "one"), path: source, testCount: 1, tell });
  expect(told).toEqual([
    "the test part, the last image, has none of cat: images are taken in order of file names or of the file. To choose " +
      "them yourself, put pictures into train/ and test/.",
  ]);
  await runImport({ root: join(folder, "three"), path: source, testCount: 3, tell });
  expect(told).toHaveLength(1);
});

test("train and test folders become train and test", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  await writePictures(join(source, "train"), 0, 9);
  await writePictures(join(source, "test"), 9, 12);
  await runImport({ root, path: source });
  expect(await readSplit(root, "train")).toMatchObject(rowsOf(set, 0, 9));
  expect(await readSplit(root, "test")).toMatchObject(rowsOf(set, 9, 12));
});

test("leftovers of file managers and archivers are skipped, and a class may be empty in one part", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  await writePictures(join(source, "train"), 0, 9);
  const isLast = (row: number) => set.labels[row] === set.labels[9];
  for (const row of [9, 10, 11].filter(isLast)) {
    await writePicture(join(source, "test", classes[set.labels[row]!]!, `${row}.png`), row);
  }
  await mkdir(join(source, "test", classes[set.labels[10]!]!), { recursive: true });
  for (const name of [
    "__MACOSX/train/cat/._0.png",
    "Thumbs.db",
    "train/Thumbs.db",
    "train/cat/desktop.ini",
    "train/@eaDir/x",
  ]) {
    await writeInto(join(source, name), Buffer.from("left"));
  }
  await runImport({ root, path: source });
  const { manifest, ...train } = await readSplit(root, "train");
  expect(manifest.classNames).toEqual(classes);
  expect(train).toMatchObject(rowsOf(set, 0, 9));
  expect((await readSplit(root, "test")).labels).toEqual([9, 10, 11].filter(isLast).map((row) => set.labels[row]));
});

test("a class may be called train, where folders hold pictures", async () => {
  const folder = await makeTestFolder();
  const source = join(folder, "source");
  for (const name of ["bus", "train", "test"]) await writePicture(join(source, name, "0.png"), 0);
  await runImport({ root: join(folder, "run"), path: source });
  expect((await readSplit(join(folder, "run"), "train")).manifest.classNames).toEqual(["bus", "test", "train"]);
});

test.each([
  [["train", "val"], /got "train", "val"\. Rename "val" to test\.$/],
  [["training", "test"], /Rename "training" to train\.$/],
  [["Train", "Test"], /Rename "Train" to train\.|Rename "Test" to test\.$/],
  [["train", "test", "val"], /Move "val" away, or its pictures into train\/\.$/],
  [["train", "test", "masks"], /beside "masks"\. Move "masks" away, or point --from at the folder of one part\.$/],
  [["test"], /Rename test to train, or add train\/\.$/],
])("parts called %j are refused with what to rename, not read as classes", async (parts, message) => {
  const folder = await makeTestFolder();
  const source = join(folder, "source");
  for (const part of parts) await writePictures(join(source, part), 0, 3);
  const error = await errorOf(() => runImport({ root: join(folder, "run"), path: source }), "import/unknown-split");
  expect(error.message).toMatch(message);
  expect(await readdir(folder)).toEqual(["source"]);
});

test("gray, opaque, 16-bit and JPEG pictures become 8-bit RGB", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  const flat = sharp({ create: { width: 32, height: 32, channels: 3, background: { r: 90, g: 90, b: 90 } } });
  await writeInto(join(source, "a", "0.png"), await flat.clone().toColourspace("b-w").png().toBuffer());
  await writeInto(join(source, "a", "1.png"), await flat.clone().ensureAlpha().png().toBuffer());
  await writeInto(join(source, "a", "2.png"), await flat.clone().toColourspace("rgb16").png().toBuffer());
  await writeInto(join(source, "a", "3.jpg"), await flat.clone().jpeg({ quality: 100 }).toBuffer());
  await runImport({ root, path: source });
  const { images } = await readSplit(root, "train");
  expect(images).toHaveLength(4 * 3072);
  expect([...images].every((value) => Math.abs(value - 90) <= 1)).toBe(true);
});

test("--resize scales other sizes to cover 32×32 and cuts at the center", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  // Wide red margins left and right of a green square: only the square must stay.
  const wide = new Uint8Array(128 * 64 * 3);
  for (let pixel = 0; pixel < 128 * 64; pixel++)
    wide[3 * pixel + ((pixel % 128) - 32 < 64 && pixel % 128 >= 32 ? 1 : 0)] = 200;
  await writeInto(join(source, "a", "wide.png"), await sharp(wide, raw(128, 64)).png().toBuffer());
  await errorOf(() => runImport({ root, path: source }), "image/wrong-size");
  await runImport({ root, path: source, resize: true });
  const { images } = await readSplit(root, "train");
  const center = (16 * 32 + 16) * 3;
  expect([...images.subarray(center, center + 3)]).toEqual([0, 200, 0]);
});

test("a picture that changes between the check and the import is in no shard, and the import goes on once it is restored", async () => {
  const folder = await makeTestFolder();
  const [source, root] = [join(folder, "source"), join(folder, "run")];
  await writePictures(source, 0, 12);
  await runImport({ root: join(folder, "undisturbed"), path: source, unitSize: 4 });
  const options = { path: source, folder: runFolderAt(root), unitSize: 4, recordsPerFile: 6, resize: false };
  const [check, ...rest] = await importSteps(options);
  await runSteps([check!], testContext());
  const path = join(source, classes[set.labels[5]!]!, "0005.png");
  await rm(path);
  await writePicture(path, 6);
  const { message } = await errorOf(() => runSteps(rest, testContext()), "import/source-changed");
  expect(message).toContain(`${source} must stay as it is while it is imported: rows 4 to 7 are others than before. `);
  expect(await readdir(join(root, "dataset"), { recursive: true })).toEqual(["train", "train/part-00000.arrow"]);
  await writePicture(path, 5);
  await runImport({ root, path: source, unitSize: 4 });
  expect(await hashFolder(root)).toEqual(await hashFolder(join(folder, "undisturbed")));
});

describe("refused in one line, with nothing written:", () => {
  const picture = () => sharp(pixelsOf(0), raw(32, 32)).png();
  test.for([
    ["a picture of another size", "image/wrong-size", "a/1.png", () => picture().resize(33, 32).toBuffer()],
    ["a picture cut short", "image/unreadable", "a/1.png", async () => (await picture().toBuffer()).subarray(0, 900)],
    ["a text named like a picture", "image/unreadable", "a/1.png", async () => Buffer.from("no picture")],
    ["another kind of picture", "image/unreadable", "a/1.png", () => picture().webp().toBuffer()],
    ["a transparent picture", "image/transparent", "a/1.png", () => picture().ensureAlpha(0.5).toBuffer()],
    ["another kind of file", "import/not-a-picture", "a/notes.txt", async () => Buffer.from("notes")],
    [
      "too many pixels",
      "image/(wrong-size|unreadable)",
      "a/1.png",
      () =>
        sharp({ create: { width: 9000, height: 9000, channels: 3, background: "red" } })
          .png()
          .toBuffer(),
    ],
    ["a class no folder can have everywhere", "import/bad-class-names", "what?/1.png", () => picture().toBuffer()],
  ] as const)("%s", async ([, code, name, makeBytes]) => {
    const folder = await makeTestFolder();
    const source = join(folder, "source");
    await writePicture(join(source, "a", "0.png"), 0);
    await writeInto(join(source, name), await makeBytes());
    const { message } = await errorOf(() => runImport({ root: join(folder, "run"), path: source }), code);
    expect(message).not.toContain("\n");
    expect(message).toContain(source);
    expect(await readdir(folder)).toEqual(["source"]);
  });

  test("a class without pictures", async () => {
    const folder = await makeTestFolder();
    const source = join(folder, "source");
    await writePictures(source, 0, 12);
    await mkdir(join(source, "fox"));
    const { message } = await errorOf(
      () => runImport({ root: join(folder, "run"), path: source }),
      "import/empty-class",
    );
    expect(message).toContain("fox");
  });

  test.for([
    [
      "a folder of pictures only",
      "import/no-classes",
      "0.png",
      {},
      "such as cat/1.png, and holds no folder. Move the pictures of each class into a folder with its name",
    ],
    [
      "a folder of pictures only, called by its format",
      "import/no-classes",
      "0.png",
      { format: "image-folder" },
      "must hold a folder of pictures for each class",
    ],
    [
      "a part without classes",
      "import/no-classes",
      "train/0.png",
      {},
      'such as cat/1.png, and holds only "train". Move',
    ],
    ["a folder without .npz", "import/no-npz", "a/0.png", { format: "npz" }, "must hold .npz files, and does not."],
    [
      "a class that is not named",
      "import/unknown-class",
      "fox/0.png",
      {},
      'has a folder "fox" that its class-names.txt',
    ],
    ["scaling for no pictures", "usage/nothing-to-resize", "0.npz", { resize: true }, "--resize is for image folders"],
  ] as const)("%s", async ([, code, name, options, said]) => {
    const folder = await makeTestFolder();
    const source = join(folder, "source");
    await writePicture(join(source, name), 0);
    await writeFile(join(source, "class-names.txt"), "cat\n");
    const importing = () => runImport({ root: join(folder, "run"), path: source, ...options });
    expect((await errorOf(importing, code)).message).toContain(said);
    expect(await readdir(folder)).toEqual(["source"]);
  });

  test.for(["train/part-00000.tar", "data/train-00000-of-00001.parquet"])(
    "a set of other files, such as %s, without the advice to remove them",
    async (name) => {
      const folder = await makeTestFolder();
      const source = join(folder, "source");
      await writeInto(join(source, name), Buffer.from("no picture"));
      await writeFile(join(source, "class-names.txt"), "cat\ndog\n");
      const { message } = await errorOf(
        () => runImport({ root: join(folder, "run"), path: source }),
        "import/not-a-picture",
      );
      expect(message).toMatch(/Point --from at folders of pictures, or at \.npz files\.$/);
    },
  );
});
