import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "./command.ts";
import { runMain } from "./run-main.ts";

/** Runs the command if its file is the script that node was started with: each stage also runs by itself. */
export async function runIfMain(moduleUrl: string, command: Command): Promise<void> {
  const [, script] = process.argv;
  if (script === undefined || realpathSync(script) !== fileURLToPath(moduleUrl)) return;
  await runMain([command], { named: false });
}
