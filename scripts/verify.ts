import { BuilderError } from "../core/errors.ts";
import { verifyRun } from "../pipeline/verify.ts";
import type { Command } from "./command.ts";
import { runIfMain } from "./run-if-main.ts";

export const verifyCommand: Command = {
  words: ["verify"],
  describe: "check every shard and receipt of a run",
  configKeys: [],
  finish: async ({ root, signal }) => {
    const [last, ...others] = (await verifyRun(root, { signal })).reverse();
    for (const { code, message } of others.reverse()) process.stderr.write(`${code}: ${message}\n`);
    if (last !== undefined) throw new BuilderError(last.code, last.message);
    process.stdout.write(`verified: ${root} is whole\n`);
  },
};

await runIfMain(import.meta.url, verifyCommand);
