import { fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProbeAnswer, ProbeTask } from "./probe-task.ts";

/** A GPU's first session can take long. One that takes longer than this does not work. */
const timeoutMs = 120_000;

/** Tries an engine on a device by running a graph in a separate process. */
export function probeTarget(task: ProbeTask, signal: AbortSignal): Promise<ProbeAnswer> {
  // The script has the same extension as this file, compiled or not.
  const script = fileURLToPath(new URL(`probe-process${extname(import.meta.url)}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(script, { silent: true, signal });
    let said = "";
    child.stderr?.on("data", (text) => {
      said = `${said}${String(text)}`.slice(-4000);
    });
    let answer: ProbeAnswer | undefined;
    const timer = setTimeout(() => {
      answer ??= { usable: false, reason: `it gave no answer within ${timeoutMs / 1000} seconds.` };
      child.kill("SIGKILL");
    }, timeoutMs);
    child.on("message", (message) => {
      answer ??= message as ProbeAnswer;
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (exitCode, signalName) => {
      clearTimeout(timer);
      const end = signalName === null ? `with exit code ${exitCode}` : `by ${signalName}`;
      const last = said.trim().split("\n").at(-1);
      resolve(answer ?? { usable: false, reason: `its process ended ${end}${last ? `: ${last}` : ""}.` });
    });
    child.send(task);
  });
}
