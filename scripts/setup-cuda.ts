import * as z from "zod";
import { installCuda } from "../pipeline/setup/install-cuda.ts";
import { defineCommand } from "./cli/command.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { reportProbe, setupInterruption, wheelOption } from "./cli/setup-options.ts";

const options = z.object({ wheel: wheelOption("onnxruntime-gpu") });

export const setupCudaCommand = defineCommand({
  words: ["setup", "cuda"],
  describe: "put onnxruntime's CUDA provider in place, for --device cuda",
  examples: [
    { line: "cifar5m setup cuda", effect: "fetch the wheel with pip" },
    { line: "cifar5m setup cuda --wheel onnxruntime_gpu.whl", effect: "without a network" },
  ],
  target: "none",
  options,
  interruption: setupInterruption,
  finish: async ({ signal, options: { wheel }, reporter }) => {
    const isNew = await installCuda({
      signal,
      report: (line) => reporter.line(line),
      ...(wheel === undefined ? {} : { wheel }),
    });
    printLines(
      `the CUDA provider is ${isNew ? "now" : "already"} in place`,
      "it needs an NVIDIA driver, and CUDA 13 with cuDNN 9 on LD_LIBRARY_PATH; from PyPI: nvidia-cuda-runtime nvidia-cublas " +
        "nvidia-cufft nvidia-curand nvidia-cuda-nvrtc nvidia-cudnn-cu13",
    );
    await reportProbe({ engine: "onnxruntime", device: "cuda" }, signal);
  },
});

await runIfMain(import.meta.url, setupCudaCommand);
