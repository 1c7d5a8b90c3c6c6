import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Cifar5mError } from "../../../core/errors.ts";
import { toByteSource } from "../../../shards/arrow/byte-source.ts";
import { readTableFrom } from "../../../shards/arrow/read-table.ts";
import { writeTable } from "../../../shards/arrow/write-table.ts";
import { writeManifest } from "../../../shards/format/manifest-file.ts";
import { openDataset, verifyDataset } from "../../../shards/index.ts";
import { commitFile } from "../../../storage/commit.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeDataset, makeTestFolder, range } from "../../support/make-rows.ts";
import { collectBatches } from "../../support/open-test-dataset.ts";
import { randomIntegers } from "../../support/random-integers.ts";

const columns = { id: "int64", reason: "utf8", pixels: "uint8[5]" } as const;

/** A table of three record batches, with all that its metadata may hold. */
async function makeTable(): Promise<Buffer> {
  const path = join(await makeTestFolder(), "table.arrow");
  const chunk = {
    id: Float64Array.from(range(0, 5)),
    reason: range(0, 5).map(String),
    pixels: new Uint8Array(25),
  };
  await commitFile(path, async (sink) => {
    await writeTable(sink, columns, [chunk], { rowsPerBatch: 2, metadata: { huggingface: "{}", other: "text" } });
  });
  return await readFile(path);
}

/** The outcome of reading: "read", or the code of the error. Any other exception fails the test. */
function outcomeOf(bytes: Uint8Array): string {
  try {
    readTableFrom(toByteSource(bytes, "table.arrow"), columns);
    return "read";
  } catch (thrown) {
    if (!(thrown instanceof Cifar5mError)) throw thrown;
    expect(thrown.message.length).toBeLessThan(1500);
    return thrown.code;
  }
}

const isKnown = /^(read|table\/(corrupt|truncated|schema-mismatch|compressed|has-nulls|not-an-integer))$/;

test("an Arrow file with any length or offset in any word is read, or refused at once in one line", async () => {
  const whole = await makeTable();
  expect(outcomeOf(whole)).toBe("read");
  const values = [0, 1, 8, 0x7fff, 100_000_000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
  const seen = new Map<string, number>();
  for (let position = 8; position + 4 <= whole.length; position += 2) {
    for (const value of values) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt32LE(value, position);
      const outcome = outcomeOf(damaged);
      expect(outcome).toMatch(isKnown);
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
  }
  expect(seen.get("table/corrupt")).toBeGreaterThan(1000);
});

test("a file with a number of 2⁵³ or more, or below zero, in any 8 bytes is refused in one line", async () => {
  const whole = await makeTable();
  for (let position = 8; position + 8 <= whole.length; position += 4) {
    for (const value of [2n ** 53n, 2n ** 63n - 1n, -1n, -(2n ** 53n)]) {
      const damaged = Buffer.from(whole);
      damaged.writeBigInt64LE(value, position);
      expect(outcomeOf(damaged)).toMatch(isKnown);
    }
  }
});

test("20,000 files damaged in several positions at once are read, or refused in one line", async () => {
  const whole = await makeTable();
  const [positions, values] = [randomIntegers(1, whole.length), randomIntegers(2, 256)];
  for (let round = 0; round < 20_000; round++) {
    const damaged = Buffer.from(whole);
    for (let byte = 0; byte < 1 + (round % 6); byte++) damaged[positions.next()] = values.next();
    expect(outcomeOf(damaged)).toMatch(isKnown);
  }
});

test("a table whose description has an odd size, which hides a vector without end, is refused", async () => {
  // Found among three million damaged files.
  expect(outcomeOf(await readFile(new URL("odd-vtable.arrow", import.meta.url)))).toBe("table/corrupt");
});

test("a vector of 100 million fields in a shard whose hash is right ends loader and verify at once", async () => {
  const folder = await makeTestFolder();
  const { version: _, sha256: __, ...manifest } = await makeDataset(folder, { train: 3, test: 2, rowsPerShard: 3 });
  const [entry] = manifest.splits.train.shards;
  const path = join(folder, entry!.file);
  const bytes = await readFile(path);
  const footer = bytes.length - 10 - bytes.readInt32LE(bytes.length - 10);
  // The first 6 is the number of the schema's fields.
  const position = range(0, 100)
    .map((word) => footer + 4 * word)
    .find((at) => bytes.readInt32LE(at) === 6)!;
  bytes.writeInt32LE(100_000_000, position);
  await writeFile(path, bytes);
  const train = { ...manifest.splits.train, shards: [{ ...entry!, sha256: sha256(bytes) }] };
  await writeManifest(folder, { ...manifest, splits: { ...manifest.splits, train } });
  const dataset = await openDataset(folder);
  const loading = collectBatches(dataset.loader({ regime: "finite", batchSize: 2, seed: 1 }));
  await expect(loading).rejects.toMatchObject({ code: "table/corrupt", message: expect.stringContaining(path) });
  dataset.close();
  expect((await verifyDataset(folder)).problems.map(({ code }) => code)).toEqual(["table/corrupt"]);
});
