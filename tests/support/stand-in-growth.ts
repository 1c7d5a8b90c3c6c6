/** A program that lets a set grow through sizes: `node stand-in-growth.js RUN`. Says `ready` once it begins. */

import { readRunConfig } from "../../pipeline/run/run.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import { grownSizes, optionsOf, stepsOf } from "./grow-set.ts";
import { runSteps, testContext } from "./run-build.ts";

const [, , root] = process.argv;
if (root === undefined) throw new Error("name a run folder");
const { count = 0 } = await readRunConfig(runFolderAt(root));
process.stdout.write("ready\n");
for (const size of grownSizes.filter((candidate) => candidate.count >= Number(count))) {
  await runSteps(stepsOf(optionsOf({ root, unitSize: 3 }, size)), testContext());
}
