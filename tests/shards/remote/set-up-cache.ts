import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type OpenOptions, openDataset } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { startFaultyServer } from "./faulty-server.ts";
import { quick } from "./remote-batches.ts";

/** Reads every image twice. */
export const shuffled = { regime: "finite", epochs: 2, batchSize: 16, seed: 3, dropLast: false } as const;
/** Rows a shard; 95 kB. */
export const rowsPerShard = 30;

/** A data set on a faulty server, an empty cache, and what looks into both. */
export async function setUp() {
  const [folder, cache] = [await makeTestFolder(), await makeTestFolder()];
  const manifest = await makeDataset(folder, { train: 150, test: 20, rowsPerShard });
  const server = await startFaultyServer(folder);
  const open = (maxBytes?: number, options: OpenOptions = {}) =>
    openDataset(server.url, {
      memoryBytes: 0,
      transfer: quick,
      cache: { directory: cache, ...(maxBytes === undefined ? {} : { maxBytes }) },
      ...options,
    });
  const shardFiles = async () =>
    (await readdir(join(cache, "shards")).catch(() => [])).filter((name) => name.endsWith(".arrow"));
  const numShardsAsked = () => server.asked.filter(({ path }) => path.endsWith(".arrow")).length;
  const { shards } = manifest.splits.train;
  const local = await openDataset(folder);
  return { folder, cache, server, open, shardFiles, numShardsAsked, shards, local };
}
