import { once } from "node:events";
import { Cifar5mError } from "../core/errors.ts";
import { startDatasetServer } from "../pipeline/serve/start-server.ts";
import type { Command } from "./cli/command.ts";
import { reportError } from "./cli/exit-codes.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const defaultHost = "127.0.0.1";
const defaultPort = "8765";

export const serveCommand: Command = {
  words: ["serve"],
  describe: "offer a data set over HTTP, with a page that shows it",
  configKeys: [],
  positional: "run",
  interruption: { stopping: "finishing the answers under way", stopped: "the data set is no longer served." },
  options: {
    run: { type: "string", requiresArg: true, demandOption: true, describe: "the run folder, or a data set folder" },
    port: {
      type: "string",
      requiresArg: true,
      describe: "port to listen on, 0 for a free one",
      defaultDescription: defaultPort,
    },
    host: {
      type: "string",
      requiresArg: true,
      describe: "address to listen on; others than this machine's own let other machines read the set",
      defaultDescription: defaultHost,
    },
  },
  finish: async ({ root, signal, option }) => {
    const server = await startDatasetServer({
      folder: root,
      host: option("host") ?? defaultHost,
      port: parsePort(option("port") ?? defaultPort),
      report: (thrown) => reportError(thrown, { verbose: false }),
    });
    const { splits } = server.dataset.manifest;
    if (!server.isLoopback) {
      process.stderr.write("warning: every machine that reaches this one over the network can read the data set.\n");
    }
    const [train, test] = [splits.train.rows, splits.test.rows].map((rows) => rows.toLocaleString("en"));
    printLines(`serving ${train} train and ${test} test images: ${server.origin}/`);
    if (!signal.aborted) await once(signal, "abort");
    await server.close();
    signal.throwIfAborted();
  },
};

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Cifar5mError(
    "usage/out-of-range",
    `--port must be an integer in [0, 65535], got ${text}. Use 0 for a free one.`,
  );
}

await runIfMain(import.meta.url, serveCommand);
