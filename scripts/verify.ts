import { Cifar5mError } from "../core/errors.ts";
import { verifyRun } from "../pipeline/verify/verify.ts";
import type { VerifyMode } from "../shards/index.ts";
import { hideSecrets, parseLocation } from "../storage/parse-location.ts";
import type { Command } from "./cli/command.ts";
import { printErrorLines, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

/** Problems that are told; of more, the number. */
const maxShown = 20;

export const verifyCommand: Command = {
  words: ["verify"],
  describe: "check every shard and receipt of a run, or of a dataset alone: its folder, https://… or s3://…",
  positional: "run",
  remoteOption: "run",
  configKeys: [],
  options: {
    sample: { type: "string", requiresArg: true, describe: "read a random part of the shards only, such as 5%" },
    "sample-seed": {
      type: "string",
      requiresArg: true,
      describe: "which part: another seed, other shards [default: 0]",
    },
    fast: { type: "boolean", describe: "read no shard: manifest, receipts, existence and sizes" },
  },
  finish: async ({ root, signal, option, flag }) => {
    const mode = modeOf({ sample: option("sample"), seed: option("sample-seed"), isFast: flag("fast") === true });
    const problems = await verifyRun(root, { signal }, mode);
    const shown = problems.slice(0, maxShown);
    for (const { code, message } of shown.slice(0, -1)) printErrorLines(`${code}: ${message}`);
    const last = shown.at(-1);
    const rest = problems.length - shown.length;
    const more = rest > 0 ? ` (And ${rest} more problems, ${problems.length} in all.)` : "";
    if (last !== undefined) throw new Cifar5mError(last.code, last.message + more);
    const isRemote = parseLocation(root).kind !== "folder";
    printLines(`verified: ${isRemote ? hideSecrets(root) : root} is whole${describeMode(mode, isRemote)}`);
  },
};

/** @throws Cifar5mError `usage/out-of-range`, `usage/contradiction` */
function modeOf(flags: {
  readonly sample: string | undefined;
  readonly seed: string | undefined;
  readonly isFast: boolean;
}): VerifyMode {
  const { sample, seed, isFast } = flags;
  if (isFast && sample !== undefined) {
    throw new Cifar5mError("usage/contradiction", "--fast reads no shard and --sample some. Leave one of them out.");
  }
  if (seed !== undefined && sample === undefined) {
    throw new Cifar5mError("usage/contradiction", "--sample-seed has no use without --sample. Give both, or neither.");
  }
  if (isFast) return "fast";
  if (sample === undefined) return "full";
  const percent = /^\d+(\.\d+)?%$/.test(sample) ? Number(sample.slice(0, -1)) : Number.NaN;
  if (!(percent > 0 && percent <= 100)) {
    throw new Cifar5mError("usage/out-of-range", `--sample must lie in (0%, 100%], got ${sample}. Give it like 5%.`);
  }
  const number = /^\d+$/.test(seed ?? "0") ? Number(seed ?? "0") : Number.NaN;
  if (!Number.isSafeInteger(number)) {
    throw new Cifar5mError("usage/out-of-range", `--sample-seed must be an integer in [0, 2⁵³), got ${seed}.`);
  }
  return { fraction: percent / 100, seed: number };
}

function describeMode(mode: VerifyMode, isRemote: boolean): string {
  if (mode === "full") return "";
  const seen = isRemote ? "manifest" : "manifest, receipts, sizes";
  if (mode === "fast") return `, by ${seen}; no shard was read`;
  return `, by ${seen} and ${mode.fraction * 100}% of the shards (seed ${mode.seed})`;
}

await runIfMain(import.meta.url, verifyCommand);
