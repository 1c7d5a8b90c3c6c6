import type { Engine, EngineName, EngineOptions } from "./executor.ts";

/**
 * Creates an engine by name. Its module is loaded only now, so an engine does not need the packages of the other one.
 * @throws Cifar5mError `engine/unknown-device` or `engine/device-missing`
 */
export async function createEngine(name: EngineName, options: EngineOptions = {}): Promise<Engine> {
  if (name === "tfjs") return (await import("./tfjs/tfjs-engine.ts")).tfjsEngine(options);
  return (await import("./onnxruntime/onnxruntime-engine.ts")).onnxruntimeEngine(options);
}
