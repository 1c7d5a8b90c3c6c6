import { extname } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { Piscina } from "piscina";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { availableThreads, threadQuota } from "../available-threads.ts";
import { DeviceError } from "../device-error.ts";
import { parseDevice } from "../device-name.ts";
import type { Engine, EngineOptions, Executable, Feeds } from "../executor.ts";
import type { Graph } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";
import { namingMemoryErrors } from "../memory-error.ts";
import { writeOnnx } from "../onnx/write-onnx.ts";
import { explainDevice } from "./explain-device.ts";
import { rewriteForDevice } from "./rewrite-for-device.ts";
import { createSession, runSession, type SessionOptions } from "./session.ts";
import type { SessionWorkerData } from "./session-worker.ts";

/** The supported kinds of devices, by the names of their providers in onnxruntime-node. */
const kinds: readonly string[] = ["cpu", "webgpu", "cuda"];

/**
 * Runs graphs with onnxruntime.
 * @throws Cifar5mError `engine/unknown-device` for a device other than cpu, webgpu, cuda and cuda:N
 */
export function onnxruntimeEngine(options: EngineOptions = {}): Engine {
  const { device = "cpu", numThreads = 0, precision = "float32" } = options;
  const { kind, index } = parseDevice(device);
  if (!kinds.includes(kind) || (index !== undefined && kind !== "cuda")) {
    throw new Cifar5mError(
      "engine/unknown-device",
      `the onnxruntime engine runs on ${kinds.join(", ")} and cuda:N, got "${device}". Choose one of them.`,
    );
  }
  const session: SessionOptions = {
    provider: kind,
    // Without a quota, onnxruntime chooses: a thread for each physical core.
    numThreads: numThreads || (threadQuota() ?? 0),
    ...(index === undefined ? {} : { deviceId: index }),
  };
  const numWorkers = kind === "cpu" ? numThreads || availableThreads() : 1;
  return {
    name: "onnxruntime",
    device,
    trainingLayout: kind === "cpu" && precision === "float32" ? "HWNC" : "NCHW",
    compile: async (graph, goal = "latency") => {
      const model = writeOnnx(rewriteForDevice(kind, precision, graph));
      return goal === "throughput" && numWorkers > 1
        ? new SessionPool(graph, model, numWorkers)
        : new SessionExecutable(graph, device, await openSession(model, device, session));
    },
  };
}

async function openSession(model: Uint8Array, device: string, options: SessionOptions): Promise<InferenceSession> {
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

/** The values of the inputs of a graph, without values for other names. */
function feedsOf(graph: Graph, feeds: Feeds): Feeds {
  const needed = graph.inputs.map(({ name }) => {
    const value = feeds[name];
    if (value === undefined) {
      throw new Cifar5mError("engine/missing-input", `the graph needs a value for its input "${name}". Feed one.`);
    }
    return [name, value] as const;
  });
  return Object.fromEntries(needed);
}

/** One session in this thread. */
class SessionExecutable implements Executable {
  readonly concurrency = 1;
  readonly #graph: Graph;
  readonly #device: string;
  readonly #session: InferenceSession;

  constructor(graph: Graph, device: string, session: InferenceSession) {
    this.#graph = graph;
    this.#device = device;
    this.#session = session;
  }

  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
    const needed = feedsOf(this.#graph, feeds);
    return await namingMemoryErrors(this.#device, () => runSession(this.#session, needed));
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/**
 * One single-threaded session per core, each in its own worker. Runs never wait for each other, a small batch stays in the
 * cache of one core, and the main thread is never blocked.
 */
class SessionPool implements Executable {
  readonly concurrency: number;
  readonly #graph: Graph;
  readonly #pool: Piscina<Feeds, Record<string, TensorData>>;
  readonly #running = new Set<Promise<unknown>>();
  #isReleased = false;

  constructor(graph: Graph, bytes: Uint8Array, numWorkers: number) {
    const model = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(model).set(bytes);
    const data: SessionWorkerData = { model, session: { provider: "cpu", numThreads: 1 } };
    this.concurrency = numWorkers;
    this.#graph = graph;
    this.#pool = new Piscina({
      // The worker has the same file extension as this file: .ts, or .js if compiled.
      filename: new URL(`session-worker${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: numWorkers,
      maxThreads: numWorkers,
      workerData: data,
    });
  }

  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
    if (this.#isReleased) {
      throw new Cifar5mError("engine/released", "a released graph cannot run. Compile it again.");
    }
    const needed = feedsOf(this.#graph, feeds);
    const running = this.#pool.run(needed);
    this.#running.add(running);
    try {
      return await namingMemoryErrors("cpu", () => running);
    } finally {
      this.#running.delete(running);
    }
  }

  async release(): Promise<void> {
    this.#isReleased = true;
    // If a worker is terminated while its session runs, the whole process ends with SIGABRT.
    await Promise.allSettled(this.#running);
    await this.#pool.destroy();
  }
}
