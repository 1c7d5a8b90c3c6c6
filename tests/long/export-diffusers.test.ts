import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { compareExport, exportModules } from "../examples/compare-export.ts";
import { findPythonModules } from "../support/run-python.ts";

const modules = [...exportModules, "diffusers"];
const canExport = findPythonModules(modules).size === modules.length;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-diffusers-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.skipIf(!canExport).each(["epsilon", "v_prediction", "sample"])(
  "a U-Net of diffusers that predicts %s gives what PyTorch gives",
  (prediction) => compareExport(folder, prediction, true),
  1_200_000,
);
