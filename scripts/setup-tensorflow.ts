import { bindingPackage, installTensorFlow } from "../pipeline/setup/install-tensorflow.ts";
import type { Command } from "./cli/command.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { reportProbe, setupInterruption, wheelOption } from "./cli/setup-options.ts";

export const setupTensorFlowCommand: Command = {
  words: ["setup", "tensorflow"],
  describe: "give the tfjs engine a native TensorFlow, compiled here",
  configKeys: [],
  folderless: true,
  interruption: setupInterruption,
  options: {
    wheel: wheelOption("tensorflow-cpu, or tensorflow with --gpu"),
    gpu: { type: "boolean", describe: "for @tensorflow/tfjs-node-gpu, with the TensorFlow that knows CUDA" },
  },
  finish: async ({ signal, option, flag, reporter }) => {
    const gpu = flag("gpu") === true;
    const wheel = option("wheel");
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
};

await runIfMain(import.meta.url, setupTensorFlowCommand);
