#!/usr/bin/env node
import { runMain } from "./cli/run-main.ts";
import { loadCommands } from "./commands.ts";

await runMain(await loadCommands(process.argv.slice(2)), { named: true });
