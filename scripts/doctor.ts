import { Cifar5mError } from "../core/errors.ts";
import type { Machine } from "../pipeline/doctor/describe-machine.ts";
import { examine, type Finding } from "../pipeline/doctor/examine.ts";
import type { Command } from "./cli/command.ts";
import { formatBytes } from "./cli/format.ts";
import { printJson, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

export const doctorCommand: Command = {
  words: ["doctor"],
  describe: "list what this machine can use, why not the rest, and how fast it is",
  configKeys: [],
  folderless: true,
  interruption: { stopping: "stopping after what is being tried", stopped: "nothing was changed." },
  options: {
    bench: { type: "boolean", default: true, describe: "time the shipped generator's network, a few seconds each" },
    json: { type: "boolean", describe: "print JSON" },
  },
  finish: async ({ root, signal, flag, reporter }) => {
    const bench = flag("bench") !== false;
    const { machine, findings } = await examine({
      folder: root,
      bench,
      signal,
      onFinding: ({ engine, device }) => reporter.line(`tried ${engine} on ${device}`),
    });
    if (flag("json") === true) printJson({ machine, findings });
    else printLines(...describeMachine(machine), "", ...findings.map(describeFinding));
    if (findings.some(({ usable }) => usable)) return;
    throw new Cifar5mError("doctor/no-engine", "no engine works here, see above. Install cifar5m again to begin with.");
  },
};

function describeMachine(machine: Machine): string[] {
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

function describeFinding({ engine, device, packageName, usable, reason, speed }: Finding): string {
  const name = packageName === undefined ? `${engine} ${device}` : packageName;
  if (!usable) return `✗ ${name.padEnd(28)}${reason}`;
  if (speed === undefined) return `✓ ${name.padEnd(28)}works`;
  const { imagesPerSecond, batchSize } = speed;
  return `✓ ${name.padEnd(28)}${imagesPerSecond.toPrecision(3)} images/s by one call of the network, batch ${batchSize}`;
}

await runIfMain(import.meta.url, doctorCommand);
