import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cifar10ClassNames } from "../../../core/image-layout.ts";
import { readShard } from "../../../shards/format/read-shard.ts";
import { sha256 } from "../../../storage/sha256.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { findPythonModules, runPython } from "../../support/run-python.ts";

const found = findPythonModules(["numpy", "pyarrow", "datasets", "polars", "duckdb", "torch"]);

const features = {
  id: "Value",
  image: "List",
  label: "ClassLabel",
  class: "ClassLabel",
  confidence: "Value",
  probabilities: "List",
};
const classLabels = { features, labelNames: cifar10ClassNames };

const bytesOf = (values: ArrayBufferView) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const int64BytesOf = (values: Float64Array) => bytesOf(BigInt64Array.from(values, BigInt));

describe.each<{ reader: string; needs: string[]; gives?: object }>([
  { reader: "pyarrow", needs: ["numpy", "pyarrow"], gives: { nullable: true } },
  { reader: "datasets", needs: ["numpy", "datasets"], gives: classLabels },
  { reader: "datasets in place", needs: ["numpy", "pyarrow", "datasets"], gives: classLabels },
  { reader: "datasets streaming", needs: ["numpy", "pyarrow", "datasets"], gives: classLabels },
  { reader: "polars", needs: ["numpy", "polars"] },
  { reader: "duckdb", needs: ["numpy", "pyarrow", "duckdb"] },
  { reader: "torch", needs: ["numpy", "pyarrow", "torch"] },
])("shards read with $reader", ({ reader, needs, gives = {} }) => {
  const missing = needs.filter((name) => !found.has(name));

  test("have the bytes that were written", async ({ skip }) => {
    skip(missing.length > 0, `python3 has no ${missing.join(", ")}`);
    const folder = await makeTestFolder();
    const manifest = await makeDataset(folder, { train: 2500, test: 10, rowsPerShard: 1500 });
    const paths = manifest.splits.train.shards.map((shard) => join(folder, shard.file));
    const shards = await Promise.all(paths.map((path) => readShard(path)));
    const hash = (pieces: readonly Uint8Array[]) => sha256(Buffer.concat(pieces));
    const columns = {
      image: hash(shards.map((shard) => shard.columns.image)),
      label: hash(shards.map((shard) => int64BytesOf(shard.columns.label))),
      id: hash(shards.map((shard) => int64BytesOf(shard.columns.id))),
      probabilities: hash(shards.map((shard) => bytesOf(shard.columns.probabilities))),
    };
    const seen: unknown = JSON.parse(
      await runPython("shards/format/read_shards.py", [reader, folder, ...paths], undefined, {
        CIFAR5M_TEST_CACHE: await makeTestFolder(),
      }),
    );
    expect(seen).toEqual({ rows: 2500, ...columns, ...gives });
  });
});
