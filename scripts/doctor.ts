import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { examine, type Finding } from "../pipeline/doctor/examine.ts";
import type { Machine } from "../pipeline/doctor/inspect-machine.ts";
import { defineCommand } from "./cli/command.ts";
import { formatBytes } from "./cli/format.ts";
import { option } from "./cli/options.ts";
import { printJson, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  bench: z
    .boolean()
    .default(true)
    .meta(option("time the shipped generator's network, a few seconds each; --no-bench does not")),
});

const report = z.strictObject({
  machine: z
    .looseObject({})
    .describe("node, platform, processor, numCores, memoryBytes, freeDiskBytes, gpus; sharpProblem where it has one"),
  findings: z
    .array(z.looseObject({}))
    .describe("of each engine on each device: engine, device, packageName, usable, reason, speed"),
});

export const doctorCommand = defineCommand({
  words: ["doctor"],
  describe: "list what this machine can use, why not the rest, and how fast it is",
  examples: [{ line: "cifar5m doctor --no-bench", effect: "without timing anything" }],
  target: "none",
  options,
  report,
  interruption: { stopping: "stopping after what is being tried", stopped: "nothing was changed." },
  finish: async ({ root, signal, options: { bench }, json, reporter }) => {
    const { machine, findings } = await examine({
      folder: root,
      bench,
      signal,
      onFinding: ({ engine, device }) => reporter.line(`tried ${engine} on ${device}`),
    });
    if (json) printJson({ machine, findings });
    else printLines(...machineLines(machine), "", ...findings.map(findingLine));
    if (findings.some(({ usable }) => usable)) return;
    throw new Cifar5mError("doctor/no-engine", "no engine works here, see above. Install cifar5m again to begin with.");
  },
});

function machineLines(machine: Machine): string[] {
  const { node, platform, processor, numCores, memoryBytes, freeDiskBytes, sharpProblem, gpus } = machine;
  const rows: (readonly [string, string])[] = [
    ["Node", `${node}, ${platform}`],
    ["processor", `${numCores} × ${processor}`],
    ["memory", formatBytes(memoryBytes)],
    ["free disk", `${formatBytes(freeDiskBytes)} in this folder`],
    ["pictures", sharpProblem === undefined ? "sharp works" : `sharp does not work: ${sharpProblem}`],
    ...gpus.map(
      ({ device, name, memoryBytes: size, driver }) =>
        [device, `${name}, ${formatBytes(size)}, driver ${driver}`] as const,
    ),
  ];
  return rows.map(([name, value]) => `${name.padEnd(30)}${value}`);
}

function findingLine({ engine, device, packageName, usable, reason, speed }: Finding): string {
  const name = packageName === undefined ? `${engine} ${device}` : packageName;
  if (!usable) return `✗ ${name.padEnd(28)}${reason}`;
  if (speed === undefined) return `✓ ${name.padEnd(28)}works`;
  const { imagesPerSecond, batchSize } = speed;
  return `✓ ${name.padEnd(28)}${imagesPerSecond.toPrecision(3)} images/s by one call of the network, batch ${batchSize}`;
}

await runIfMain(import.meta.url, doctorCommand);
