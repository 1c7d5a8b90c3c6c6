import { join } from "node:path";
import { cudaProviderFile, onnxruntimeFiles } from "../../engine/onnxruntime/files.ts";
import { installLibraries, type SetupOptions } from "./install-libraries.ts";

const files = ["libonnxruntime_providers_shared.so", cudaProviderFile];

/**
 * Adds the CUDA provider to the libraries of onnxruntime-node, which come without it. The provider is part of the
 * Python package of the same version.
 * @param installed - the onnxruntime-node to complete
 * @returns whether anything was done
 * @throws Cifar5mError `setup/…`, `disk/…`
 */
export async function installCuda(setup: SetupOptions, installed = onnxruntimeFiles()): Promise<boolean> {
  const { version, folder } = installed;
  const members = new Map(files.map((file) => [`onnxruntime/capi/${file}`, join(folder, file)]));
  return await installLibraries({
    setup,
    requirement: `onnxruntime-gpu==${version}`,
    contents: {
      name: "onnxruntime_gpu",
      version,
      targetOf: (member) => members.get(member),
      required: [...members.keys()],
    },
    marker: join(folder, `cuda-provider-${version}`),
  });
}
