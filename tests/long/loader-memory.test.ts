import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { writeBenchmarkSet } from "../../bench/loader/loader-case.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-memory-"));
  await writeBenchmarkSet(folder, 100_000);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Resident memory at the end of each of ten epochs, MB, with the garbage collector left alone. */
function measure(options: Readonly<Record<string, unknown>>): number[] {
  const shards = pathToFileURL(join(inject("compiledFolder"), "shards", "index.js")).href;
  const program = `
    const { openDataset } = await import(${JSON.stringify(shards)});
    const dataset = await openDataset(${JSON.stringify(folder)}, { memoryBytes: 0 });
    const loader = dataset.loader({ regime: "finite", epochs: 11, batchSize: 256, ...${JSON.stringify(options)} });
    const resident = [];
    for await (const { epoch } of loader) {
      if (epoch > resident.length) resident.push(process.memoryUsage.rss() / 1e6);
    }
    console.log(JSON.stringify(resident));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  expect(stderr.toString()).toBe("");
  return JSON.parse(stdout.toString());
}

test.each([{ reuseArrays: true }, {}, { reuseArrays: true, workers: 2 }])(
  "ten epochs with %o from disk stay within 10% of their middle, and below 300 MB",
  (options) => {
    const resident = measure(options);
    expect(resident).toHaveLength(10);
    const [lowest, highest] = [Math.min(...resident), Math.max(...resident)];
    expect(highest).toBeLessThan(300);
    expect(highest / lowest, resident.map(Math.round).join(" ")).toBeLessThan(1.1 / 0.9);
  },
);

// Each thread collects when it likes, so the level moves, but it does not rise.
test("threads that make fresh arrays stay below 300 MB", () => {
  expect(Math.max(...measure({ workers: 2 }))).toBeLessThan(300);
});
