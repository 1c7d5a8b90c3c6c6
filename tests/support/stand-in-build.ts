/**
 * A program that builds a small set with stand-in models: `node stand-in-build.js RUN CIFAR-10-FOLDER DELAY-MS RANK WORLD-SIZE KEYS-AS-JSON`. Says
 * `ready` once it begins.
 */

import { runBuild, smallConfig, testContext } from "./run-build.ts";
import { standInRuntime } from "./stand-in-runtime.ts";

const [, , root, data, delayMs, rank, worldSize, keys] = process.argv;
if (root === undefined || data === undefined) throw new Error("name a run folder and a CIFAR-10 folder");
process.stdout.write("ready\n");
await runBuild({
  root,
  runtime: standInRuntime({ delayMs: Number(delayMs ?? 0) }),
  sources: { data },
  config: { ...smallConfig, ...JSON.parse(keys ?? "{}") },
  context: testContext({ rank: Number(rank ?? 0), worldSize: Number(worldSize ?? 1) }),
});
