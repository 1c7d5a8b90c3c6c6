import { installCuda } from "../pipeline/setup/install-cuda.ts";
import type { Command } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { reportProbe, setupInterruption, wheelOption } from "./cli/setup-options.ts";

export const setupCudaCommand: Command = {
  words: ["setup", "cuda"],
  describe: "put onnxruntime's CUDA provider in place, for --device cuda",
  configKeys: [],
  folderless: true,
  interruption: setupInterruption,
  options: { wheel: wheelOption("onnxruntime-gpu") },
  finish: async ({ signal, option, reporter }) => {
    const wheel = option("wheel");
    const isNew = await installCuda({
      signal,
      report: (line) => reporter.line(line),
      ...(wheel === undefined ? {} : { wheel }),
    });
    process.stdout.write(`the CUDA provider is ${isNew ? "now" : "already"} in place\n`);
    process.stdout.write(
      "it needs an NVIDIA driver, and CUDA 13 with cuDNN 9 on LD_LIBRARY_PATH; from PyPI: nvidia-cuda-runtime nvidia-cublas " +
        "nvidia-cufft nvidia-curand nvidia-cuda-nvrtc nvidia-cudnn-cu13\n",
    );
    await reportProbe({ engine: "onnxruntime", device: "cuda" }, signal);
  },
};

await runIfMain(import.meta.url, setupCudaCommand);
