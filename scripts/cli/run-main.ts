import type { Command } from "./command.ts";
import { closeLostTerminal } from "./lost-terminal.ts";
import { runCommands } from "./run-commands.ts";

/** Runs the command line that the process was started with, and sets the exit code. Called once in a process. */
export async function runMain(commands: readonly Command[], options: { readonly named: boolean }): Promise<void> {
  // The reader of our output may stop reading: `cifar5m inspect | head`. The command ends as it would have, and its exit
  // code still says what it found.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(1);
  });
  // A terminal that was closed shows no more progress. The work still ends in order.
  process.stderr.on("error", () => undefined);
  process.once("exit", closeLostTerminal);
  process.exitCode = await runCommands(commands, process.argv.slice(2), options);
}
