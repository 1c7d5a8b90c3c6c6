import { expect, test } from "vitest";
import { readRun } from "../../../pipeline/run/run.ts";
import { readSample } from "../../../pipeline/serve/served-run.ts";
import { parseManifestText } from "../../../shards/format/manifest.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { startStandInServe } from "../../scripts/start-serve.ts";
import { runBuild, smallConfig } from "../../support/run-build.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";
import { cifarImage, makeServedRun } from "./make-served-run.ts";

test("a run that grows while it is served is served at its new size, and its files of before are as they were", async () => {
  const { root, data, served, planted } = await makeServedRun();
  const { origin, errors } = await startStandInServe(root);
  const jsonOf = async (path: string) => (await fetch(`${origin}${path}`)).json() as Promise<unknown>;
  const readServed = async () =>
    parseManifestText(await (await fetch(`${origin}/dataset/manifest.json`)).text(), "what is served");
  const manifest = await readServed();
  expect((await fetch(`${origin}/samples/60`)).status).toBe(404);
  expect(await jsonOf("/removed/0.json")).toMatchObject({ total: 4 });
  await runBuild({
    root,
    runtime: standInRuntime({ planted: new Map([...planted, [60, cifarImage(0, 3)]]) }),
    sources: { data },
    config: { ...smallConfig, count: 70 },
  });
  const grown = { ...served, run: await readRun(served.folder) };
  for (const id of [3, 49, 50, 60, 69]) {
    const bytes = new Uint8Array(await (await fetch(`${origin}/samples/${id}`)).arrayBuffer());
    expect(bytes).toEqual(await readSample(grown, id));
  }
  const now = await readManifest(served.folder.dataset);
  expect(now.splits.train.rows).toBeGreaterThan(manifest.splits.train.rows);
  expect(await readServed()).toEqual(now);
  const shards = Object.values(now.splits).flatMap((split) => split.shards);
  expect(shards).toEqual(expect.arrayContaining(Object.values(manifest.splits).flatMap((split) => split.shards)));
  for (const { file } of shards) expect((await fetch(`${origin}/dataset/${file}`)).status).toBe(200);
  expect(await jsonOf("/removed/0.json")).toMatchObject({
    total: 5,
    copies: expect.arrayContaining([expect.objectContaining({ id: 60 })]),
  });
  for (const path of ["/columns/train.bin", "/columns/test.bin", "/build.json", "/browse"]) {
    expect((await fetch(`${origin}${path}`)).status, path).toBe(200);
  }
  expect(errors()).toBe("");
});
