import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { systemCodeOf } from "../storage/disk-error.ts";

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
    let output = "";
    const fail = (thrown: unknown) => {
      if (isNoProgram(thrown)) resolve({ exitCode: undefined, output });
      else reject(thrown);
    };
    let child: ChildProcessByStdio<null, Readable, Readable>;
    try {
      const folder = cwd === undefined ? {} : { cwd };
      child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], signal, ...folder });
    } catch (thrown) {
      // Some of the system's refusals come as an event, others at once.
      fail(thrown);
      return;
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        output += String(text);
      });
    }
    child.on("error", fail);
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}

/**
 * Whether an error says that there is no such program to run. If PATH has a folder that this user may not enter, or a file
 * in the place of a folder, the system says so instead.
 */
export function isNoProgram(thrown: unknown): boolean {
  return ["ENOENT", "EACCES", "ENOTDIR"].includes(systemCodeOf(thrown) ?? "");
}
