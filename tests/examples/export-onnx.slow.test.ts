import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDataset } from "../../shards/index.ts";
import { runCli } from "../support/run-cli.ts";
import { findPythonModules } from "../support/run-python.ts";
import { compareExport, exportModules } from "./compare-export.ts";

const canExport = findPythonModules(exportModules).size === exportModules.length;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-export-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.skipIf(!canExport)("models exported from PyTorch give what PyTorch gives, and build a data set", async () => {
  await compareExport(folder, "v_prediction", false);
  const root = join(folder, "run");
  const models = ["--generator", join(folder, "generator.onnx"), "--labeler", join(folder, "labeler.onnx")];
  const size = ["--count", "20", "--test-count", "0", "--sampler.steps", "2", "--sampler.guidance", "1.5"];
  expect(await runCli(["build", "--run", root, ...models, ...size, "--quiet"])).toMatchObject({ exitCode: 0 });
  expect((await openDataset(join(root, "dataset"))).numSamples).toBe(20);
});
