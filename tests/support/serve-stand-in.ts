/** A program that serves a run whose models are stand-ins: `node serve-stand-in.js RUN [DELAY-MS]`. */

import { startDatasetServer } from "../../pipeline/serve/start-server.ts";
import { standInRuntime } from "./stand-in-runtime.ts";

const [, , folder, delayMs] = process.argv;
if (folder === undefined) throw new Error("name a run folder");
const server = await startDatasetServer({
  ...{ folder, host: "127.0.0.1", port: 0, runtime: standInRuntime({ delayMs: Number(delayMs ?? 0) }) },
  report: (thrown) => process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`),
});
process.stdout.write(`serving: ${server.origin}/\n`);
