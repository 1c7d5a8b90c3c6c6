import { once } from "node:events";
import * as z from "zod";
import { formatCount } from "../core/format.ts";
import type { PublishedDataset } from "../pipeline/run/find-dataset.ts";
import { startDatasetServer } from "../pipeline/serve/start-server.ts";
import { defineCommand } from "./cli/command.ts";
import { reportError } from "./cli/exit-codes.ts";
import { option } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const options = z.object({
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(8765)
    .meta(option("port to listen on, 0 for a free one", { advice: "Use 0 for a free one." })),
  host: z
    .string()
    .default("127.0.0.1")
    .meta(option("address to listen on; any but this machine's own lets other machines read the set")),
  compare: z
    .string()
    .optional()
    .meta(option("run or data set folder of another set, which the page shows beside this one")),
  allowOrigin: z
    .array(z.string().min(1))
    .optional()
    .meta(
      option(
        "origin whose pages may read the set, such as https://example.org, or * for all; several are separated by commas",
      ),
    ),
});

export const serveCommand = defineCommand({
  words: ["serve"],
  describe: "offer a data set over HTTP, with a page to browse it; of a run, also how its build goes on",
  examples: [
    { line: "cifar5m serve runs/mine", effect: "for programs of this machine" },
    { line: "cifar5m serve runs/mine --compare runs/other", effect: "show two sets side by side" },
    { line: "cifar5m serve runs/mine --host 0.0.0.0 --port 80", effect: "for every machine that reaches this one" },
  ],
  target: "dataset",
  options,
  interruption: { stopping: "finishing the answers under way", stopped: "the data set is no longer served." },
  finish: async ({ root, runtime, signal, options: { port, host, allowOrigin, compare } }) => {
    const server = await startDatasetServer({
      folder: root,
      host,
      port,
      compare,
      runtime,
      allowedOrigins: allowOrigin ?? [],
      report: (thrown) => reportError(thrown, { verbose: false }),
    });
    if (!server.isLoopback) {
      process.stderr.write("warning: every machine that reaches this one over the network can read the data set.\n");
    }
    printLines(`serving ${describeServed(server.dataset)}: ${server.origin}/`);
    if (!signal.aborted) await once(signal, "abort");
    await server.close();
    signal.throwIfAborted();
  },
});

function describeServed(dataset: PublishedDataset | undefined): string {
  if (dataset === undefined) return "the state of a build";
  const { train, test } = dataset.manifest.splits;
  return `${formatCount(train.rows)} train and ${formatCount(test.rows)} test images`;
}

await runIfMain(import.meta.url, serveCommand);
