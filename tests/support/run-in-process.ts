import { vi } from "vitest";
import { runCommands } from "../../scripts/cli/run-commands.ts";
import { loadCommands } from "../../scripts/commands.ts";
import type { CliResult } from "./run-cli.ts";

/** Runs `cifar5m` with arguments within this process; one call at a time. */
export async function runInProcess(args: readonly string[]): Promise<CliResult> {
  const written = { stdout: "", stderr: "" };
  const keep = (stream: keyof typeof written) => (text: unknown) => {
    written[stream] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation(keep("stdout")),
    vi.spyOn(process.stderr, "write").mockImplementation(keep("stderr")),
    // yargs prints help by the console.
    vi.spyOn(console, "log").mockImplementation((text) => keep("stdout")(`${String(text)}\n`)),
    vi.spyOn(console, "error").mockImplementation((text) => keep("stderr")(`${String(text)}\n`)),
  ];
  try {
    const exitCode = await runCommands(await loadCommands(args), args, { named: true });
    return { exitCode, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
