import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { readSamplerRows } from "../../../pipeline/score/sampler-rows.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-rows-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The guidance of rows with these samplers, over a base with this one, and the largest noise level where it applies. */
async function guidanceOf(base: object, samplers: readonly object[]): Promise<number[][]> {
  const path = join(folder, "rows.json");
  const rows = samplers.map((sampler, index) => ({ name: String(index), sampler }));
  await writeFile(path, JSON.stringify(rows));
  const read = await readSamplerRows(path, resolveConfig({ sampler: base }));
  return read.map(({ config: { sampler } }) => [sampler.guidance, sampler.guidanceMax]);
}

test("guidance that neither a row nor its base names is chosen by the row's sampler: a tuned generator has its own", async () => {
  const rows = [{ steps: 5 }, { name: "consistency", steps: 2 }, { conditional: false }, { guidance: 3 }];
  expect(await guidanceOf({}, rows)).toEqual([
    [3, 5],
    [1, 1000],
    [1, 1000],
    [3, 5],
  ]);
  // A base that is tuned leaves its own guidance out, too.
  expect(await guidanceOf({ name: "consistency" }, [{ steps: 2 }, { name: "heun" }])).toEqual([
    [1, 1000],
    [3, 5],
  ]);
});

test("guidance that the base names is that of every row without one", async () => {
  expect(await guidanceOf({ guidance: 3, guidanceMax: 4 }, [{ steps: 5 }, { guidance: 1 }])).toEqual([
    [3, 4],
    [1, 4],
  ]);
  expect(await guidanceOf({ guidance: 1 }, [{ steps: 5 }])).toEqual([[1, 1000]]);
});
