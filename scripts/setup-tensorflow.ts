import * as z from "zod";
import { bindingPackage, installTensorFlow } from "../pipeline/setup/install-tensorflow.ts";
import { defineCommand } from "./cli/command.ts";
import { flag } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { reportProbe, setupInterruption, wheelOption } from "./cli/setup-options.ts";

const options = z.object({
  wheel: wheelOption("tensorflow-cpu, or tensorflow with --gpu"),
  gpu: flag("for @tensorflow/tfjs-node-gpu, with the TensorFlow that knows CUDA"),
});

export const setupTensorFlowCommand = defineCommand({
  words: ["setup", "tensorflow"],
  describe: "give the tfjs engine a native TensorFlow, compiled here",
  examples: [{ line: "cifar5m setup tensorflow", effect: "for --engine tfjs; needs a C++ compiler" }],
  target: "none",
  options,
  interruption: setupInterruption,
  finish: async ({ signal, options: { gpu, wheel }, reporter }) => {
    const isNew = await installTensorFlow(
      {
        signal,
        report: (line) => reporter.line(line),
        compiler: process.env.CXX ?? "c++",
        ...(wheel === undefined ? {} : { wheel }),
      },
      bindingPackage(gpu),
    );
    printLines(`TensorFlow and its binding are ${isNew ? "now" : "already"} in place`);
    await reportProbe(
      gpu
        ? { engine: "tfjs", device: "gpu", packageName: "@tensorflow/tfjs-node-gpu" }
        : { engine: "tfjs", device: "cpu", packageName: "@tensorflow/tfjs-node" },
      signal,
    );
  },
});

await runIfMain(import.meta.url, setupTensorFlowCommand);
