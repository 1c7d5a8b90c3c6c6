import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "./command.ts";
import { runCommands } from "./run-commands.ts";

/** Runs the command if its file is the script that node was started with: each stage also runs by itself. */
export async function runIfMain(moduleUrl: string, command: Command): Promise<void> {
  const [, script, ...argv] = process.argv;
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return;
  process.exitCode = await runCommands([command], argv);
}
