import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { verifyRun } from "../pipeline/verify/verify.ts";
import type { DatasetProblem, VerifyMode } from "../shards/index.ts";
import { hideSecrets, parseLocation } from "../storage/parse-location.ts";
import { defineCommand } from "./cli/command.ts";
import { flag, option } from "./cli/options.ts";
import { printErrorLines, printJson, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

/** Problems that are printed; of more, the number. */
const maxShown = 20;

const options = z.object({
  sample: z
    .string()
    .transform((text, context) => {
      const percent = /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
      if (percent > 0 && percent <= 100) return percent / 100;
      context.addIssue({ code: "custom", message: "must lie in (0%, 100%]" });
      return z.NEVER;
    })
    .optional()
    .meta(option("read only a random part of the shards, such as 5%", { advice: "Write it like 5%." })),
  sampleSeed: z
    .int()
    .min(0)
    .optional()
    .meta(option("which part: another seed reads other shards", { fallback: "0" })),
  fast: flag("read no shard: manifest, receipts, existence and sizes"),
});

const report = z.strictObject({
  location: z.string().describe("what was checked"),
  mode: z.enum(["full", "fast", "sample"]).describe("how much was read"),
  fraction: z.number().optional().describe("mode sample: part of the shards that was read, in (0, 1]"),
  seed: z.int().optional().describe("mode sample: which part"),
  isWhole: z.boolean().describe("whether nothing is wrong, as far as the mode tells"),
  problems: z
    .array(z.strictObject({ file: z.string(), code: z.string(), message: z.string() }))
    .describe("all that is wrong: file, code, message"),
});

export const verifyCommand = defineCommand({
  words: ["verify"],
  describe: "check every shard and receipt of a run, or the shards of a data set",
  examples: [
    { line: "cifar5m verify runs/mine", effect: "read all of it" },
    { line: "cifar5m verify https://host/dataset --sample 5%", effect: "read a twentieth of what a server has" },
  ],
  target: "location",
  checksConfig: true,
  interruption: { stopping: "stopping after the current file", stopped: "nothing was changed." },
  hasWorkers: true,
  options,
  report,
  finish: async ({ root, context, options, json }) => {
    const mode = modeOf(options);
    const problems = await verifyRun(root, context, mode);
    const isRemote = parseLocation(root).kind !== "folder";
    const location = isRemote ? hideSecrets(root) : root;
    if (json) {
      const read = typeof mode === "string" ? { mode } : { mode: "sample" as const, ...mode };
      const found: z.output<typeof report> = {
        location,
        ...read,
        isWhole: problems.length === 0,
        problems: problems.map(({ file, code, message }) => ({ file, code, message })),
      };
      printJson(found);
    }
    const summed = sumUp(problems);
    const shown = summed.slice(0, maxShown);
    for (const { code, message } of shown.slice(0, -1)) printErrorLines(`${code}: ${message}`);
    const last = shown.at(-1);
    const rest = summed.length - shown.length;
    const more = rest > 0 ? ` (And ${rest} more problems, ${summed.length} in all.)` : "";
    if (last !== undefined) throw new Cifar5mError(last.code, last.message + more);
    const { rank, worldSize } = context;
    const share = worldSize === 1 ? "" : `, as far as share ${rank} of ${worldSize} goes`;
    if (!json) printLines(`verified: ${location} is whole${describeMode(mode, isRemote)}${share}`);
  },
});

/** One problem for all missing receipts: an unfinished run has as many as units that are not done. */
function sumUp(problems: readonly DatasetProblem[]): readonly DatasetProblem[] {
  const isMissing = ({ code }: DatasetProblem) => code === "receipt/missing";
  const rest = problems.filter(isMissing).length - 1;
  if (rest < 1) return problems;
  const first = problems.findIndex(isMissing);
  const more = ` (${rest} more receipts are missing: \`cifar5m status\` counts what is done.)`;
  return problems.flatMap((problem, index) => {
    if (index === first) return [{ ...problem, message: problem.message + more }];
    return isMissing(problem) ? [] : [problem];
  });
}

/** @throws Cifar5mError `usage/contradiction` */
function modeOf({ sample, sampleSeed, fast }: z.output<typeof options>): VerifyMode {
  if (fast && sample !== undefined) {
    throw new Cifar5mError("usage/contradiction", "--fast reads no shard and --sample some. Leave one of them out.");
  }
  if (sampleSeed !== undefined && sample === undefined) {
    throw new Cifar5mError("usage/contradiction", "--sample-seed has no use without --sample. Give both, or neither.");
  }
  if (fast) return "fast";
  return sample === undefined ? "full" : { fraction: sample, seed: sampleSeed ?? 0 };
}

function describeMode(mode: VerifyMode, isRemote: boolean): string {
  if (mode === "full") return "";
  const seen = isRemote ? "manifest" : "manifest, receipts, sizes";
  if (mode === "fast") return `, by ${seen}; no shard was read`;
  return `, by ${seen} and ${Number((mode.fraction * 100).toPrecision(12))}% of the shards (seed ${mode.seed})`;
}

await runIfMain(import.meta.url, verifyCommand);
