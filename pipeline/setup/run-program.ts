import { spawn } from "node:child_process";
import { systemCodeOf } from "../../storage/disk-error.ts";

/** How a program ended. */
export interface ProgramEnd {
  /** Undefined if there is no such program. */
  readonly exitCode: number | null | undefined;
  /** What it wrote to stdout and stderr. */
  readonly output: string;
}

/** Runs a program to its end. */
export function runProgram(
  program: string,
  args: readonly string[],
  { signal, cwd }: { readonly signal: AbortSignal; readonly cwd?: string },
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      ...(cwd === undefined ? {} : { cwd }),
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        output += String(text);
      });
    }
    child.on("error", (error) => {
      if (systemCodeOf(error) === "ENOENT") resolve({ exitCode: undefined, output });
      else reject(error);
    });
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}
