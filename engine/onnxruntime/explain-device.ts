import { existsSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../core/errors.ts";
import { cudaProviderFile, onnxruntimeFiles } from "./files.ts";

/**
 * Explains in two sentences why onnxruntime cannot use a device on this machine, and what to do about it.
 * @param message - the error message of onnxruntime
 */
export function explainDevice(kind: string, message: string): string {
  const [firstLine = ""] = message.split("\n", 1);
  return (
    (kind === "cuda" ? explainCuda() : kind === "webgpu" ? explainWebgpu(message) : undefined) ??
    `${firstLine.replace(/\.$/, "")}.`
  );
}

function explainCuda(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `its CUDA libraries are made for Linux on x64 only, this is ${process.platform} on ${process.arch}.`;
  }
  const path = join(onnxruntimeFiles().folder, cudaProviderFile);
  if (!existsSync(path)) return `${cudaProviderFile} is not installed. Run \`cifar5m setup cuda\`.`;
  const missing = missingLibrary(path);
  if (missing === undefined) return undefined;
  if (missing === "libcuda.so.1") return `${missing} is missing: the NVIDIA driver. Install it.`;
  return `${missing} is missing. Install CUDA 13 and cuDNN 9, and name their folders in LD_LIBRARY_PATH.`;
}

function explainWebgpu(message: string): string | undefined {
  if (/requires f16/.test(message)) return "its driver does not compute in float16. Use --precision float32.";
  if (!/adapter/i.test(message)) return undefined;
  if (process.platform === "linux" && missingLibrary("libvulkan.so.1") !== undefined) {
    return "libvulkan.so.1 is missing: the Vulkan loader. Install it (libvulkan1 on Debian), and the driver of the GPU.";
  }
  return "it finds no GPU. Install the GPU's driver for Vulkan, Metal or Direct3D 12.";
}

/** The first library that is missing when a library is loaded. onnxruntime writes this to its log only. */
function missingLibrary(path: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, path);
    return undefined;
  } catch (thrown) {
    // If all libraries are found, loading still fails, because the library is not a Node addon.
    return /^(\S+): cannot open shared object file/.exec(messageOf(thrown))?.[1];
  }
}
