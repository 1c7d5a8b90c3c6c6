import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readTable, readTableBatches } from "../../../shards/arrow/read-table-file.ts";
import type { TableSchema } from "../../../shards/arrow/table-schema.ts";
import { writeTable } from "../../../shards/arrow/write-table.ts";
import { readShard } from "../../../shards/format/read-shard.ts";
import { shardColumns } from "../../../shards/format/shard-schema.ts";
import { writeShard } from "../../../shards/format/write-shard.ts";
import { commitFile, replaceFile } from "../../../storage/commit.ts";
import { errorOf } from "../../support/expect-error.ts";
import { hashValues, makeRows, makeTestFolder, range } from "../../support/make-rows.ts";

const columns = { id: "int64", reason: "utf8", score: "float32", pixels: "uint8[5]", flag: "uint8" } as const;

function makeChunk(start: number, end: number) {
  const ids = range(start, end);
  return {
    id: Float64Array.from(ids, (id) => (id % 2 === 0 ? id : -(2 ** 40) - id)),
    reason: ids.map((id) => "é".repeat(id % 4)),
    score: Float32Array.from(ids, (id) => id / 3),
    pixels: Uint8Array.from(ids.flatMap((id) => [id, id + 1, id + 2, id + 3, id + 4])),
    flag: Uint8Array.from(ids),
  };
}

test("a table that is read equals the one written, and its bytes do not depend on how it was cut into chunks", async () => {
  const folder = await makeTestFolder();
  let numFiles = 0;
  const arbitrary = fc.record({
    sizes: fc.array(fc.nat(9), { maxLength: 6 }),
    rowsPerBatch: fc.integer({ min: 1, max: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ sizes, rowsPerBatch }) => {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      let start = 0;
      const chunks = sizes.map((size) => {
        start += size;
        return makeChunk(start - size, start);
      });
      const write = (name: string, parts: typeof chunks) =>
        commitFile(join(folder, name), async (sink) => {
          expect(await writeTable(sink, columns, parts, { rowsPerBatch })).toBe(total);
        });
      const cut = await write(`cut-${numFiles}.arrow`, chunks);
      const whole = await write(`whole-${numFiles}.arrow`, [makeChunk(0, total)]);
      expect(cut.sha256).toBe(whole.sha256);
      const table = await readTable(join(folder, `cut-${numFiles++}.arrow`), columns);
      expect(table.rows).toBe(total);
      expect(table.columns).toEqual(makeChunk(0, total));
    }),
    { numRuns: 40 },
  );
});

test("a shard that is read equals the one written, whole and batch by batch", async () => {
  const path = join(await makeTestFolder(), "part.arrow");
  const rows = makeRows(range(100, 2400));
  await commitFile(path, async (sink) => {
    await writeShard(sink, [rows]);
  });
  const shard = await readShard(path);
  const expected = { ...rows, label: Float64Array.from(rows.label), class: Float64Array.from(rows.class) };
  for (const [name, values] of Object.entries(shard.columns)) {
    expect(hashValues(values), name).toBe(hashValues(expected[name as keyof typeof expected]));
  }
  const sizes: number[] = [];
  for await (const batch of readTableBatches(path, shardColumns)) sizes.push(batch.rows);
  expect(sizes).toEqual([1024, 1024, 252]);
});

test("a column of the wrong length, or with a number that is not an integer, is refused by name", async () => {
  const path = join(await makeTestFolder(), "bad.arrow");
  const write = (change: object) =>
    commitFile(path, async (sink) => {
      await writeTable(sink, columns, [{ ...makeChunk(0, 4), ...change }]);
    });
  await expect(write({ pixels: new Uint8Array(19) })).rejects.toThrow(
    /pixels must hold whole rows of uint8\[5\], got 19/,
  );
  await expect(write({ pixels: new Uint8Array(15) })).rejects.toThrow(/pixels must hold 4 rows of uint8\[5\].*got 15/);
  await expect(write({ id: undefined })).rejects.toThrow(
    "id must hold rows of int64, and is missing. Pass all columns",
  );
  await expect(write({ id: Float64Array.of(1, 2, 2.5, 4) })).rejects.toThrow(/id\[2\] must be an integer.*got 2.5/);
});

test("an integer that no number holds is refused with its row and its file, and so are types and batches that there are not", async () => {
  const path = join(await makeTestFolder(), "large.arrow");
  const ids = { id: Float64Array.of(1, 2, 3, 123456789012345, 5) };
  const write = (schema: TableSchema, rowsPerBatch = 2) =>
    replaceFile(path, async (sink) => {
      await writeTable(sink, schema, [ids], { rowsPerBatch });
    });
  await write({ id: "int64" });
  const bytes = await readFile(path);
  const value = Buffer.alloc(8);
  value.writeBigInt64LE(123456789012345n);
  const position = bytes.indexOf(value);
  bytes.writeBigInt64LE(-(2n ** 53n), position);
  await writeFile(path, bytes);
  const said = `id[3] of ${path} must be below 2^53 in magnitude, got -9007199254740992. Build the file again`;
  const readAll = async () => {
    for await (const _ of readTableBatches(path, { id: "int64" }));
  };
  for (const read of [() => readTable(path, { id: "int64" }), readAll]) {
    expect((await errorOf(read, "table/not-an-integer")).message).toContain(said);
  }
  for (const rows of [0, 1.5, Number.NaN]) {
    const { message } = await errorOf(() => write({ id: "int64" }, rows), "table/out-of-range");
    expect(message).toContain(`rowsPerBatch must be a positive integer, got ${rows}. `);
  }
  for (const type of ["int32", "uint8[0]", "utf8[2]"]) {
    const { message } = await errorOf(() => write({ id: type as "int64" }), "table/unknown-type");
    expect(message).toContain(`got ${type}. `);
  }
  // Nothing took the place of the file.
  expect(await readFile(path)).toEqual(bytes);
});

test("a truncated file, a file of another kind and one with other columns are refused with an error that names it", async () => {
  const folder = await makeTestFolder();
  const path = join(folder, "whole.arrow");
  await commitFile(path, async (sink) => {
    await writeTable(sink, columns, [makeChunk(0, 50)]);
  });
  const bytes = await readFile(path);
  for (const length of [0, 3, 7, 100, bytes.length - 300, bytes.length - 1]) {
    await writeFile(join(folder, "cut.arrow"), bytes.subarray(0, length));
    const error: unknown = await readTable(join(folder, "cut.arrow"), columns).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "Cifar5mError", code: expect.stringMatching(/^table\/(truncated|corrupt)$/) });
    expect(String(error)).toContain("cut.arrow");
  }
  await expect(readTable(path, { ...columns, flag: "int64" })).rejects.toThrow(
    /column 4 of .*whole.arrow must be flag: Int64/,
  );
  await expect(readTable(join(folder, "none.arrow"), columns)).rejects.toMatchObject({ code: "disk/missing" });
});
