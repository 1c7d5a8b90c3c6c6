import { spawn } from "node:child_process";
import { join } from "node:path";
import { inject } from "vitest";

/** The outcome of a command. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `cifar5m` with arguments, in a separate process. */
export function runCli(args: readonly string[], script = "cifar5m"): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(inject("compiledFolder"), "scripts", `${script}.js`), ...args]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => {
      stdout += String(text);
    });
    child.stderr.on("data", (text) => {
      stderr += String(text);
    });
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
