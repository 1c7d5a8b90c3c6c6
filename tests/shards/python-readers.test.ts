import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { cifar10ClassNames } from "../../core/image-layout.ts";
import { readShard, sha256 } from "../../shards/index.ts";
import { makeDataset, makeTestFolder } from "./make-rows.ts";

const hasPython = spawnSync("python3", ["-c", "import pyarrow, datasets, numpy"]).status === 0;
const script = fileURLToPath(new URL("read_shards.py", import.meta.url));

const bytesOf = (values: ArrayBufferView) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const int64BytesOf = (values: Float64Array) => bytesOf(BigInt64Array.from(values, BigInt));

test.skipIf(!hasPython)(
  "pyarrow and Hugging Face datasets read the shards with the same bytes, and labels as class labels",
  async () => {
    const folder = await makeTestFolder();
    const manifest = await makeDataset(folder, { train: 2500, test: 10, rowsPerShard: 1500 });
    const paths = manifest.splits.train.shards.map((shard) => join(folder, shard.file));
    const shards = await Promise.all(paths.map((path) => readShard(path)));
    const hash = (pieces: readonly Uint8Array[]) => sha256(Buffer.concat(pieces));
    const expected = {
      rows: 2500,
      image: hash(shards.map((shard) => shard.columns.image)),
      label: hash(shards.map((shard) => int64BytesOf(shard.columns.label))),
      id: hash(shards.map((shard) => int64BytesOf(shard.columns.id))),
      probabilities: hash(shards.map((shard) => bytesOf(shard.columns.probabilities))),
    };
    const seen: unknown = JSON.parse(execFileSync("python3", [script, ...paths], { encoding: "utf8" }));
    const features = {
      id: "Value",
      image: "List",
      label: "ClassLabel",
      class: "ClassLabel",
      confidence: "Value",
      probabilities: "List",
    };
    expect(seen).toMatchObject({
      nullable: true,
      pyarrow: expected,
      datasets: expected,
      features,
      inPlaceFeatures: features,
      streamedFeatures: features,
      labelNames: cifar10ClassNames,
      firstStreamed: { label: shards[0]?.columns.label[0], bytes: 3072 },
    });
  },
  60_000,
);
