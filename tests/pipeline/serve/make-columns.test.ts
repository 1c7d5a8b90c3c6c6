import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { selectRows } from "../../../pipeline/serve/client/select-rows.ts";
import { allIds } from "../../../pipeline/serve/client/sort-rows.ts";
import { makeColumns } from "../../../pipeline/serve/make-columns.ts";
import { askedClass, columnsBytes, openColumns } from "../../../pipeline/serve/row-columns.ts";
import { openFileSource } from "../../../shards/arrow/file-source.ts";
import { flagNames } from "../../../shards/format/flags.ts";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { readShard } from "../../../shards/format/read-shard.ts";
import { writeDataset } from "../../../shards/format/write-dataset.ts";
import { writeShard } from "../../../shards/format/write-shard.ts";
import { openDataset } from "../../../shards/index.ts";
import { openShard } from "../../../shards/rows/open-shard.ts";
import { commitFile } from "../../../storage/commit.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeDataset, makeRows, makeTestFolder } from "../../support/make-rows.ts";
import { hasFlag, writeTestFlags } from "../../support/write-test-flags.ts";

const bufferOf = (bytes: Uint8Array) => bytes.slice().buffer as ArrayBuffer;

test("the columns of a split are those of its shards, and say where images and probabilities lie", async () => {
  const directory = await makeTestFolder();
  const manifest = await makeDataset(directory, { train: 2500, test: 40, rowsPerShard: 1100 });
  for (const split of ["train", "test"] as const) {
    const columns = openColumns(bufferOf(await makeColumns({ directory, manifest }, split, { hasFlags: false })));
    const ids = allIds(columns);
    let [row, batch] = [0, 0];
    for (const { file } of manifest.splits[split].shards) {
      const { columns: wanted, rows } = await readShard(join(directory, file));
      const bytes = await (await import("node:fs/promises")).readFile(join(directory, file));
      for (let at = 0; at < rows; at++, row++) {
        while (columns.firstRows[batch + 1]! <= row) batch++;
        expect([columns.labels[row], columns.classes[row], columns.confidences[row], ids[row]]).toEqual([
          ...[wanted.label[at], wanted.class[at], wanted.confidence[at], wanted.id[at]],
        ]);
        const inBatch = row - columns.firstRows[batch]!;
        const position = columns.imagePositions[batch]! + inBatch * 3072;
        expect(
          bytes.subarray(position, position + 3072).equals(wanted.image.subarray(at * 3072, at * 3072 + 3072)),
        ).toBe(true);
        const start = columns.probabilityPositions[batch]! + inBatch * 40;
        expect(new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + start + 40))).toEqual(
          wanted.probabilities.subarray(at * 10, at * 10 + 10),
        );
      }
    }
    expect(row).toBe(columns.numRows);
  }
});

test("a row takes nine bytes, and every id is found again", async () => {
  const directory = await makeTestFolder();
  const manifest = await makeDataset(directory, { train: 300, test: 0, rowsPerShard: 100 });
  const bytes = await makeColumns({ directory, manifest }, "train", { hasFlags: false });
  const sizes = { numBatches: 3, offsetBytes: 2, hasFlags: false } as const;
  expect(bytes.length).toBe(columnsBytes({ ...sizes, numRows: 300 }));
  expect(columnsBytes({ ...sizes, numRows: 301 }) - bytes.length).toBe(9);
  const columns = openColumns(bufferOf(bytes));
  const ids = allIds(columns);
  for (let row = 0; row < 300; row++) expect(ids.indexOf(ids[row]!)).toBe(row);
  for (const id of [3, 10, 1e9, 2 ** 52]) expect(ids.indexOf(id)).toBe(-1);
});

test("flags become bits, and those of another split do not", async () => {
  const directory = await makeTestFolder();
  const manifest = await makeDataset(directory, { train: 60, test: 30, rowsPerShard: 40 });
  await writeTestFlags(directory);
  for (const split of ["train", "test"] as const) {
    const columns = openColumns(bufferOf(await makeColumns({ directory, manifest }, split, { hasFlags: true })));
    expect(columns.hasFlags).toBe(true);
    for (let row = 0; row < columns.numRows; row++) {
      const found = flagNames.filter((_, bit) => (columns.flags[row]! & (1 << bit)) !== 0);
      expect(found).toEqual(flagNames.filter((name) => hasFlag(allIds(columns)[row]!, name)));
    }
  }
});

/** A set of one shard with ids and classes of choice. */
async function writeSet(directory: string, ids: readonly number[], classes: readonly number[]) {
  const rows = { ...makeRows(ids), class: Int32Array.from(classes) };
  const { bytes, sha256 } = await commitFile(join(directory, "train/part-00000.arrow"), async (sink) => {
    await writeShard(sink, [rows]);
  });
  const [least, most] = [Math.min(...ids), Math.max(...ids)];
  const classCounts = new Array<number>(10).fill(0);
  for (const label of rows.label) classCounts[label]!++;
  const shards = [{ file: "train/part-00000.arrow", rows: ids.length, bytes, sha256, idStart: least, idEnd: most + 1 }];
  const {
    version: _,
    sha256: __,
    ...others
  } = await makeDataset(await makeTestFolder(), { train: 1, test: 1, rowsPerShard: 1 });
  const { manifest } = await writeManifest(directory, {
    ...others,
    splits: {
      train: { rows: ids.length, shards, classCounts },
      test: { rows: 0, shards: [], classCounts: new Array(10).fill(0) },
    },
  });
  return manifest;
}

test("ids far apart and in any order are kept, with four bytes each", async () => {
  const directory = await makeTestFolder();
  const ids = [70_000, 5, 4_000_000_000, 17];
  const manifest = await writeSet(directory, ids, [0, -1, 9, -1]);
  const columns = openColumns(bufferOf(await makeColumns({ directory, manifest }, "train", { hasFlags: false })));
  expect([...allIds(columns)]).toEqual(ids);
  expect(ids.map((_, row) => askedClass(columns, row))).toEqual([0, undefined, 9, undefined]);
});

test("in a set of 256 classes, the last class is told from no class, and flags from both", async () => {
  const directory = await makeTestFolder();
  const numRows = 4;
  const probabilities = new Float32Array(numRows * 256);
  for (let row = 0; row < numRows; row++) probabilities[row * 256 + 255] = 1;
  const classes = [255, -1, 0, 254];
  const manifest = await writeDataset(directory, {
    ...{ name: "many classes", classNames: Array.from({ length: 256 }, (_, at) => `class ${at}`) },
    ...{ rowsPerShard: 10, train: [{ images: new Uint8Array(numRows * 3072), probabilities, classes }], test: [] },
  });
  await writeTestFlags(directory);
  for (const hasFlags of [false, true]) {
    const columns = openColumns(bufferOf(await makeColumns({ directory, manifest }, "train", { hasFlags })));
    expect(classes.map((_, row) => askedClass(columns, row))).toEqual([255, undefined, 0, 254]);
    const filter = { labels: [], isOther: true, from: 0, to: 1, flagMask: 0, flagValues: 0 };
    // The label is 255 throughout; the row that was asked for no class differs from nothing.
    expect([...selectRows(columns, filter).rows]).toEqual([2, 3]);
    const isLeak = { ...filter, isOther: false, flagMask: 1 << 2, flagValues: 1 << 2 };
    const wanted = [0, 1, 2, 3].filter((id) => hasFlags && hasFlag(id, "leak"));
    expect([...selectRows(columns, isLeak).rows]).toEqual(wanted);
  }
});

test("ids beyond 2^32 of each other in one record batch are refused", async () => {
  const directory = await makeTestFolder();
  const manifest = await writeSet(directory, [0, 2 ** 33], [0, 0]);
  await errorOf(() => makeColumns({ directory, manifest }, "train", { hasFlags: false }), "serve/ids-too-far-apart");
});

test("bytes that are not a file of columns are refused", async () => {
  const directory = await makeTestFolder();
  const manifest = await makeDataset(directory, { train: 30, test: 0, rowsPerShard: 40 });
  const good = await makeColumns({ directory, manifest }, "train", { hasFlags: false });
  const other = good.slice();
  other[0]! ^= 1;
  for (const bytes of [good.subarray(0, 8), good.subarray(0, good.length - 1), other]) {
    await errorOf(() => openColumns(bufferOf(bytes)), "serve/bad-columns");
  }
  (await openDataset(directory)).close();
});

test("a label that the set has no class for is refused, not cut to a byte", async () => {
  const directory = await makeTestFolder();
  const manifest = await makeDataset(directory, { train: 30, test: 0, rowsPerShard: 40 });
  const path = join(directory, manifest.splits.train.shards[0]!.file);
  const file = await open(path, "r+");
  const source = openFileSource(path);
  const { positions } = openShard(source, manifest.splits.train.shards[0]!, 10);
  source.close();
  await file.write(new Uint8Array(BigInt64Array.of(259n).buffer), 0, 8, positions.label[0]! + 8 * 7);
  await file.close();
  await errorOf(() => makeColumns({ directory, manifest }, "train", { hasFlags: false }), "shard/bad-label");
});
