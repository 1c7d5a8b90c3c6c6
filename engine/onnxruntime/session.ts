import * as ort from "onnxruntime-node";
import type { Feeds } from "../executor.ts";
import type { DType, TensorArray, TensorData } from "../graph/tensor.ts";

/** Where and how a session runs; plain data, so that it can be sent to a worker. */
export interface SessionOptions {
  /** As onnxruntime-node names it. */
  readonly provider: string;
  /** Which of several GPUs; of `cuda` only. */
  readonly deviceId?: number;
  /** 0 for as many as there are cores. */
  readonly numThreads: number;
}

// What goes wrong is thrown, and told by whoever catches it: the log would tell it a second time.
ort.env.logLevel = "fatal";

/** @param model - an ONNX file */
export async function createSession(model: Uint8Array, options: SessionOptions): Promise<ort.InferenceSession> {
  return await ort.InferenceSession.create(model, {
    executionProviders: [providerOf(options)],
    graphOptimizationLevel: "all",
    intraOpNumThreads: options.numThreads,
    // Blocks planned ahead for all tensors of a training step take 1.4 times the memory, and no less time.
    enableMemPattern: false,
    logSeverityLevel: 4,
    // Threads that wait must sleep: spinning ones starve whatever else runs on the machine.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
}

function providerOf({ provider, deviceId }: SessionOptions): ort.InferenceSession.ExecutionProviderConfig {
  return deviceId === undefined ? provider : { name: "cuda", deviceId };
}

/** One run. It blocks the calling thread: onnxruntime-node runs where it is called. */
export async function runSession(session: ort.InferenceSession, feeds: Feeds): Promise<Record<string, TensorData>> {
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, shape }]) => [
      name,
      new ort.Tensor(dtype as "float32", data as Float32Array, shape),
    ]),
  );
  const results = await session.run(inputs);
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { dtype: type as DType, shape: dims, data: data as TensorArray },
    ]),
  );
}
