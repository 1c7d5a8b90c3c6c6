import * as ort from "onnxruntime-node";
import { BuilderError, messageOf } from "../core/errors.ts";
import type { Engine, EngineOptions, Executable, Feeds } from "./executor.ts";
import type { Graph } from "./graph.ts";
import type { DType, TensorArray, TensorData } from "./tensor.ts";
import { writeOnnx } from "./write-onnx.ts";

/** Devices, by the name of the provider that onnxruntime-node knows them under. */
const providers: Readonly<Record<string, string>> = { cpu: "cpu", webgpu: "webgpu", cuda: "cuda" };

/**
 * Runs graphs with onnxruntime.
 * @throws BuilderError `engine/unknown-device` for a device other than cpu, webgpu and cuda
 */
export function onnxruntimeEngine({ device = "cpu", numThreads = 0 }: EngineOptions = {}): Engine {
  const provider = providers[device];
  if (provider === undefined) {
    throw new BuilderError(
      "engine/unknown-device",
      `the onnxruntime engine runs on ${Object.keys(providers).join(", ")}, got "${device}". Choose one of them.`,
    );
  }
  return {
    name: "onnxruntime",
    device,
    compile: async (graph) => new OnnxruntimeExecutable(graph, await createSession(graph, provider, numThreads)),
  };
}

async function createSession(graph: Graph, provider: string, numThreads: number): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(writeOnnx(graph), {
      executionProviders: [provider],
      graphOptimizationLevel: "all",
      intraOpNumThreads: numThreads,
      logSeverityLevel: 3,
      // Threads that wait must sleep: spinning ones starve whatever else runs on the machine.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
    });
  } catch (error) {
    if (provider === "cpu") throw new BuilderError("engine/compile-failed", messageOf(error), { cause: error });
    throw new BuilderError(
      "engine/device-missing",
      `onnxruntime cannot use the device "${provider}" here: ${firstLine(messageOf(error))}. Use --device cpu, or install what it needs.`,
      { cause: error },
    );
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}

class OnnxruntimeExecutable implements Executable {
  readonly #graph: Graph;
  readonly #session: ort.InferenceSession;

  constructor(graph: Graph, session: ort.InferenceSession) {
    this.#graph = graph;
    this.#session = session;
  }

  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
    const inputs: Record<string, ort.Tensor> = {};
    for (const { name } of this.#graph.inputs) {
      const value = feeds[name];
      if (value === undefined) {
        throw new BuilderError("engine/missing-input", `the graph needs a value for its input "${name}". Feed one.`);
      }
      inputs[name] = new ort.Tensor(value.dtype as "float32", value.data as Float32Array, value.shape);
    }
    const results = await this.#session.run(inputs);
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => [
        name,
        { dtype: type as DType, shape: dims, data: data as TensorArray },
      ]),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
