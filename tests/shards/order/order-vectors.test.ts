import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeOrderVectors } from "../../../scripts/maintain/order-vectors.ts";
import { formatSections } from "../../../scripts/maintain/vectors.ts";
import { openDataset } from "../../../shards/index.ts";
import { makeDataset, makeTestFolder } from "../../support/make-rows.ts";

const path = new URL("../../../docs/order-vectors.json", import.meta.url);

test("docs/order-vectors.json holds what this code gives: a published order is never changed", async () => {
  expect(formatSections(await makeOrderVectors())).toBe(await readFile(path, "utf8"));
});

test("a loader serves the rows of the vectors from several shards, with any ids", async () => {
  const { loaders } = JSON.parse(await readFile(path, "utf8")) as Awaited<ReturnType<typeof makeOrderVectors>>;
  for (const { poolSize, options, batches } of loaders) {
    const folder = await makeTestFolder();
    await makeDataset(folder, { train: poolSize, test: 5, rowsPerShard: 7 });
    const dataset = await openDataset(folder);
    const { ids: idOfRow } = await dataset.readImages(Array.from({ length: poolSize }, (_, row) => row));
    const loader = dataset.loader(options);
    const seen: unknown[] = [];
    for await (const { epoch, ids } of loader) {
      const state = loader.state();
      const rows = [...ids].map((id) => idOfRow.indexOf(id));
      seen.push({ epoch, rows, after: { epoch: state.epoch, position: state.position } });
      if (seen.length === loader.numBatches) break;
    }
    expect(seen).toEqual(batches);
  }
});
