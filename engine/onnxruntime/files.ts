import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** The version of the installed onnxruntime-node, and the folder of its native libraries for this machine. */
export function onnxruntimeFiles(): { readonly version: string; readonly folder: string } {
  const path = require.resolve("onnxruntime-node/package.json");
  const { version, binary } = require(path) as { version: string; binary: { napi_versions: readonly number[] } };
  const folder = join(dirname(path), "bin", `napi-v${binary.napi_versions[0]}`, process.platform, process.arch);
  return { version, folder };
}

/** The library through which onnxruntime calls CUDA; `setup cuda` installs it. */
export const cudaProviderFile = "libonnxruntime_providers_cuda.so";
