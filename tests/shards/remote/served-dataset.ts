import { type Dataset, type OpenOptions, openDataset } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { type Fault, type FaultyServer, startFaultyServer } from "./faulty-server.ts";
import { quick } from "./remote-batches.ts";

export interface ServedDataset {
  readonly folder: string;
  readonly cache: string;
  readonly server: FaultyServer;
  readonly local: Dataset;
  open(options?: OpenOptions): Promise<Dataset>;
}

/** A dataset of 5 shards of 30 rows (95 kB), served over HTTP. */
export async function setUp(): Promise<ServedDataset> {
  const [folder, cache] = [await makeTestFolder(), await makeTestFolder()];
  await makeDataset(folder, { train: 140, test: 20, rowsPerShard: 30 });
  const server = await startFaultyServer(folder);
  const open = (options: OpenOptions = {}) =>
    openDataset(server.url, {
      cache: { directory: cache },
      memoryBytes: 0,
      ...options,
      transfer: { ...quick, ...options.transfer },
    });
  return { folder, cache, server, local: await openDataset(folder), open };
}

export const shuffled = { regime: "finite", epochs: 2, batchSize: 16, seed: 3, dropLast: false } as const;
export const isShard = (path: string) => path.endsWith(".arrow");
/** Faults of every response for a shard. */
export const always = (fault: Fault) => (asked: { readonly path: string }) => (isShard(asked.path) ? fault : {});
