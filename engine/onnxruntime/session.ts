import type { InferenceSession } from "onnxruntime-node";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { threadQuota } from "../available-threads.ts";
import { DeviceError } from "../device-error.ts";
import type { Feeds } from "../executor.ts";
import { type DType, type TensorArray, type TensorData, unsharedArray } from "../graph/tensor.ts";
import { namingMemoryErrors } from "../memory-error.ts";
import { explainDevice } from "./explain-device.ts";
import { loadOnnxruntime } from "./load-onnxruntime.ts";

/** Where and how a session runs. Plain data, so that it can be sent to a worker. */
export interface SessionOptions {
  /** The name of the provider in onnxruntime-node. */
  readonly provider: string;
  /** The number of the GPU; for `cuda` only. */
  readonly deviceId?: number;
  /** CPU threads; 0 for one per physical core, or as many as a control group allows. */
  readonly numThreads: number;
}

/**
 * Opens a session for a model.
 * @param model - an ONNX file
 * @param device - what errors call the device
 * @throws Cifar5mError `engine/not-installed`, `engine/out-of-memory`, `engine/compile-failed` for a model that the CPU
 *   cannot run, `engine/device-missing` for another device that cannot
 */
export async function openSession(
  model: Uint8Array,
  device: string,
  options: SessionOptions,
): Promise<InferenceSession> {
  try {
    return await namingMemoryErrors(device, () => createSession(model, options));
  } catch (error) {
    if (error instanceof Cifar5mError) throw error;
    if (options.provider === "cpu") {
      throw new Cifar5mError("engine/compile-failed", messageOf(error), { cause: error });
    }
    const reason = explainDevice(options.provider, messageOf(error));
    throw new DeviceError("onnxruntime", device, reason, { cause: error });
  }
}

/**
 * Opens a session, and leaves the errors of onnxruntime as they are.
 * @param model - an ONNX file
 * @throws Cifar5mError `engine/not-installed`
 */
export async function createSession(model: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const ort = await loadOnnxruntime();
  return await ort.InferenceSession.create(model, {
    executionProviders: [providerOf(options)],
    graphOptimizationLevel: "all",
    intraOpNumThreads: options.numThreads || (threadQuota() ?? 0),
    // Memory patterns take 1.4 times the memory for a training step and save no time.
    enableMemPattern: false,
    logSeverityLevel: 4,
    // Waiting threads must sleep. Spinning threads would starve other programs on the machine.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
}

function providerOf({ provider, deviceId }: SessionOptions): InferenceSession.ExecutionProviderConfig {
  return deviceId === undefined ? provider : { name: "cuda", deviceId };
}

/** Runs a session once. It blocks the calling thread, because onnxruntime-node computes in that thread. */
export async function runSession(session: InferenceSession, feeds: Feeds): Promise<Record<string, TensorData>> {
  const ort = await loadOnnxruntime();
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, shape }]) => [
      name,
      new ort.Tensor(dtype as "float32", unsharedArray(data) as Float32Array, shape),
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
