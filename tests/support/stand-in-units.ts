/** A program that samples and publishes a run whose models exist: `node stand-in-units.js RUN`. Says `ready` once it begins. */

import { resolveConfig } from "../../pipeline/run/config.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { dedupStep, fingerprintStep, labelStep, manifestStep, publishStep, sampleStep } from "../../pipeline/steps.ts";
import { runSteps, testContext, tinyUnitsConfig } from "./run-build.ts";
import { standInRuntime } from "./stand-in-runtime.ts";

const [, , root] = process.argv;
if (root === undefined) throw new Error("name a run folder");
const options = {
  folder: runFolderAt(root),
  config: resolveConfig(tinyUnitsConfig),
  runtime: standInRuntime(),
  takeOver: true,
};
const steps = [sampleStep, labelStep, fingerprintStep, dedupStep, publishStep, manifestStep].map((step) =>
  step(options),
);
process.stdout.write("ready\n");
await runSteps(steps, testContext());
