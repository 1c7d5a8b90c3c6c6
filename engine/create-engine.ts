import type { Engine, EngineName, EngineOptions } from "./executor.ts";

/**
 * The engine of a name. Each is loaded when asked for, so that none needs the other's packages.
 * @throws Cifar5mError `engine/unknown-device` or `engine/device-missing`
 */
export async function createEngine(name: EngineName, options: EngineOptions = {}): Promise<Engine> {
  if (name === "tfjs") return (await import("./tfjs/tfjs-engine.ts")).tfjsEngine(options);
  return (await import("./onnxruntime/onnxruntime-engine.ts")).onnxruntimeEngine(options);
}
