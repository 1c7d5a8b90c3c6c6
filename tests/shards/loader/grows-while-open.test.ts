import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, inject, test } from "vitest";
import type { openDataset } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";
import { collectBatches, hashBatch } from "../../support/open-test-dataset.ts";
import { publishSize } from "../../support/publish-size.ts";
import { startFaultyServer } from "../remote/faulty-server.ts";

/** Threads cannot import the TypeScript of what reads from servers. */
const compiled = () => import(pathToFileURL(join(inject("compiledFolder"), "shards", "index.js")).href);

test.each(["folder", "server"])(
  "a set in a %s that grows while it is open serves what it was opened with, also by threads",
  async (where) => {
    const folder = await makeTestFolder();
    const whole = await makeDataset(folder, { train: 80, test: 10, rowsPerShard: 10 });
    await publishSize(folder, whole, 4, []);
    const location = where === "folder" ? folder : (await startFaultyServer(folder)).url;
    const open: typeof openDataset = (await compiled()).openDataset;
    const dataset = await open(location, { cache: { directory: await makeTestFolder() } });
    const serve = async (workers: number) => {
      const loader = dataset.loader({ regime: "infinite", batchSize: 5, seed: 3, workers });
      return (await collectBatches(loader, 8)).map(hashBatch);
    };
    const before = await serve(0);
    await publishSize(folder, whole, 8, [4]);
    expect(await serve(0)).toEqual(before);
    expect(await serve(1)).toEqual(before);
    // Who has opened a set needs its manifest no more.
    await rm(join(folder, "manifest.json"));
    expect(await serve(1)).toEqual(before);
    dataset.close();
  },
);
