import { availableParallelism } from "node:os";
import { extname } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { Piscina } from "piscina";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseDevice } from "../device-name.ts";
import type { Engine, EngineOptions, Executable, Feeds, Precision } from "../executor.ts";
import type { Graph } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";
import { namingMemoryErrors } from "../memory-error.ts";
import { writeOnnx } from "../onnx/write-onnx.ts";
import { rewriteHwnc } from "../rewrite/hwnc.ts";
import { rewriteHalfProducts } from "../rewrite/mixed-precision.ts";
import { explainDevice } from "./explain-device.ts";
import { createSession, runSession, type SessionOptions } from "./session.ts";
import type { SessionWorkerData } from "./session-worker.ts";

/** Devices, which are named as onnxruntime-node names their providers. */
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
    numThreads,
    ...(index === undefined ? {} : { deviceId: index }),
  };
  const numWorkers = kind === "cpu" ? numThreads || availableParallelism() : 1;
  return {
    name: "onnxruntime",
    device,
    trainingLayout: kind === "cpu" && precision === "float32" ? "HWNC" : "NCHW",
    compile: async (graph, goal = "latency") => {
      const model = writeOnnx(rewriteFor(kind, precision, graph));
      return goal === "throughput" && numWorkers > 1
        ? new SessionPool(graph, model, numWorkers)
        : new SessionExecutable(graph, device, await openSession(model, device, session));
    },
  };
}

/** The form of a graph that a device is fastest with. */
function rewriteFor(kind: string, precision: Precision, graph: Graph): Graph {
  if (precision === "mixed") return rewriteHalfProducts(graph);
  // Other devices have convolutions of their own that are faster.
  return kind === "cpu" ? rewriteHwnc(graph) : graph;
}

async function openSession(model: Uint8Array, device: string, options: SessionOptions): Promise<InferenceSession> {
  try {
    return await namingMemoryErrors(device, () => createSession(model, options));
  } catch (error) {
    if (error instanceof Cifar5mError) throw error;
    if (options.provider === "cpu") {
      throw new Cifar5mError("engine/compile-failed", messageOf(error), { cause: error });
    }
    const why = explainDevice(options.provider, messageOf(error));
    throw new Cifar5mError(
      "engine/device-missing",
      `onnxruntime cannot use the device "${device}" here: ${why} Or use --device cpu.`,
      { cause: error },
    );
  }
}

/** The values of a graph's inputs, and no others. */
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

/** One session, in this thread. */
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
 * A worker for each core, with a session on one thread: none waits for another within a run, what a small batch needs
 * stays in the core's cache, and this thread stays free.
 */
class SessionPool implements Executable {
  readonly concurrency: number;
  readonly #graph: Graph;
  readonly #pool: Piscina<Feeds, Record<string, TensorData>>;
  readonly #running = new Set<Promise<unknown>>();

  constructor(graph: Graph, bytes: Uint8Array, numWorkers: number) {
    const model = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(model).set(bytes);
    const data: SessionWorkerData = { model, session: { provider: "cpu", numThreads: 1 } };
    this.concurrency = numWorkers;
    this.#graph = graph;
    this.#pool = new Piscina({
      // The worker has the ending that this file has, compiled or not.
      filename: new URL(`session-worker${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: numWorkers,
      maxThreads: numWorkers,
      workerData: data,
    });
  }

  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
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
    // A thread that is taken away under its session ends the whole process, by SIGABRT.
    await Promise.allSettled(this.#running);
    await this.#pool.destroy();
  }
}
