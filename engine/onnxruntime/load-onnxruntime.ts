import type * as Ort from "onnxruntime-node";
import { Cifar5mError, messageOf } from "../../core/errors.ts";

/** The version that this release was tested with. */
export const onnxruntimeVersion = "1.30.0";

let loaded: Promise<typeof Ort> | undefined;

/**
 * Loads onnxruntime-node. npm leaves it out where its install script fails, for example without access to the server
 * that has the CUDA libraries.
 * @throws Cifar5mError `engine/not-installed`
 */
export function loadOnnxruntime(): Promise<typeof Ort> {
  loaded ??= importOnnxruntime();
  return loaded;
}

async function importOnnxruntime(): Promise<typeof Ort> {
  try {
    const ort = await import("onnxruntime-node");
    // Errors are thrown and reported by the caller. The log would report them a second time.
    ort.env.logLevel = "fatal";
    return ort;
  } catch (thrown) {
    loaded = undefined;
    throw new Cifar5mError(
      "engine/not-installed",
      `the onnxruntime engine needs onnxruntime-node ${onnxruntimeVersion}, which cannot be loaded ` +
        `(${messageOf(thrown).split("\n")[0]}). Run: npx cifar5m setup onnxruntime.`,
      { cause: thrown },
    );
  }
}
