import { probeTarget } from "../../pipeline/doctor/probe-target.ts";
import type { ProbeTarget } from "../../pipeline/doctor/probe-task.ts";
import { optionalPath } from "./options.ts";
import { printLines } from "./print.ts";

/** A wheel that is at hand, for machines without a network. */
export function wheelOption(packageName: string) {
  return optionalPath(`wheel of ${packageName}`, "fetched with pip");
}

export const setupInterruption = {
  stopping: "stopping",
  stopped: "nothing is half in place. Run the same command again.",
} as const;

/** Tries what was set up, and prints whether it works. */
export async function reportProbe(target: ProbeTarget, signal: AbortSignal): Promise<void> {
  const answer = await probeTarget({ target }, signal);
  const name = `${target.engine} on ${target.device}`;
  printLines(answer.usable ? `${name} works` : `${name} does not work yet: ${answer.reason}`);
}
