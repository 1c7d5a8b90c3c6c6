import * as z from "zod";
import { installOnnxruntime } from "../pipeline/setup/install-onnxruntime.ts";
import { defineCommand } from "./cli/command.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { reportProbe, setupInterruption } from "./cli/setup-options.ts";

const options = z.object({});

export const setupOnnxruntimeCommand = defineCommand({
  words: ["setup", "onnxruntime"],
  describe: "install the onnxruntime engine where npm left it out",
  examples: [{ line: "cifar5m setup onnxruntime", effect: "after engine/not-installed" }],
  target: "none",
  options,
  interruption: setupInterruption,
  finish: async ({ signal }) => {
    const isNew = await installOnnxruntime({ signal });
    printLines(`onnxruntime-node is ${isNew ? "now" : "already"} in place`);
    await reportProbe({ engine: "onnxruntime", device: "cpu" }, signal);
  },
});

await runIfMain(import.meta.url, setupOnnxruntimeCommand);
