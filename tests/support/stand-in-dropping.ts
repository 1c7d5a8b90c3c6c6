/** A program that makes a set without near-copies: `node stand-in-dropping.js RUN CIFAR-10-FOLDER RANK WORLD-SIZE`. */

import { droppingOptions, makeSet } from "./near-copy-set.ts";
import { testContext } from "./run-build.ts";

const [, , root, data, rank, worldSize] = process.argv;
if (root === undefined || data === undefined) throw new Error("name a run folder and a CIFAR-10 folder");
process.stdout.write("ready\n");
const context = testContext({ rank: Number(rank ?? 0), worldSize: Number(worldSize ?? 1) });
await makeSet(await droppingOptions(root, {}), data, context);
