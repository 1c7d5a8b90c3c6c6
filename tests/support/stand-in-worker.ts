/**
 * A worker that builds a run of 25 tiny units: `node stand-in-worker.js RUN RANK WORLD-SIZE SALT`. RUN is a folder or
 * `s3://…`. Its images depend on the salt, like those of a device that rounds in its own way. Says `ready` once it begins.
 */

import { importModel } from "../../pipeline/models/models.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { mountRun } from "../../pipeline/run/mount-run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { dedupStep, manifestStep, publishStep, sampleAndLabelStep } from "../../pipeline/steps.ts";
import { runSteps, testContext } from "./run-build.ts";
import { standInRuntime } from "./stand-in-runtime.ts";

const [, , run, rank, worldSize, salt] = process.argv;
if (run === undefined) throw new Error("name a run");
const runtime = standInRuntime();
const folder = runFolderAt(run.startsWith("s3://") ? await mountRun(run) : run);
const options = {
  folder,
  config: resolveConfig({ count: 41, testCount: 8, unitSize: 2 }),
  runtime: {
    ...runtime,
    openSampler: (config: Parameters<typeof runtime.openSampler>[0], weights: Uint8Array) =>
      runtime.openSampler({ ...config, seed: config.seed + Number(salt ?? 0) }, weights),
  },
  takeOver: true,
};
process.stdout.write("ready\n");
for (const name of ["generator", "labeler"] as const) await importModel(folder, name, Buffer.from("weights"));
const steps = [sampleAndLabelStep, dedupStep, publishStep, manifestStep].map((step) => step(options));
await runSteps(steps, testContext({ rank: Number(rank ?? 0), worldSize: Number(worldSize ?? 1) }));
