import { extname } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { Piscina } from "piscina";
import { Cifar5mError } from "../../core/errors.ts";
import { availableThreads } from "../available-threads.ts";
import { parseDevice } from "../device-name.ts";
import type { Engine, EngineOptions, Executable, Feeds } from "../executor.ts";
import type { Graph } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";
import { namingMemoryErrors } from "../memory-error.ts";
import { writeOnnx } from "../onnx/write-onnx.ts";
import { released, requireFeeds } from "../require-feeds.ts";
import { loadOnnxruntime } from "./load-onnxruntime.ts";
import { rewriteForDevice } from "./rewrite-for-device.ts";
import { openSession, runSession, type SessionOptions } from "./session.ts";
import type { SessionAnswer, SessionWorkerData } from "./session-worker.ts";

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
    numThreads,
    ...(index === undefined ? {} : { deviceId: index }),
  };
  const numWorkers = kind === "cpu" ? numThreads || availableThreads() : 1;
  return {
    name: "onnxruntime",
    device,
    roundsProducts: kind !== "cpu" || precision === "mixed",
    trainingLayout: kind === "cpu" && precision === "float32" ? "HWNC" : "NCHW",
    compile: async (graph, goal = "latency") => {
      const model = writeOnnx(rewriteForDevice(kind, precision, graph));
      // The workers load it for themselves. It is missing for all of them or for none.
      await loadOnnxruntime();
      return goal === "throughput" && numWorkers > 1
        ? new SessionPool(graph, model, numWorkers)
        : new SessionExecutable(graph, device, await openSession(model, device, session));
    },
  };
}

/** One session in this thread. */
class SessionExecutable implements Executable {
  readonly concurrency = 1;
  readonly #graph: Graph;
  readonly #device: string;
  readonly #session: InferenceSession;
  #isReleased = false;

  constructor(graph: Graph, device: string, session: InferenceSession) {
    this.#graph = graph;
    this.#device = device;
    this.#session = session;
  }

  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
    if (this.#isReleased) throw released();
    const needed = requireFeeds(this.#graph, feeds);
    return await namingMemoryErrors(this.#device, () => runSession(this.#session, needed));
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
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
  readonly #pool: Piscina<Feeds, SessionAnswer>;
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
    if (this.#isReleased) throw released();
    const running = this.#pool.run(requireFeeds(this.#graph, feeds));
    this.#running.add(running);
    try {
      const answer = await namingMemoryErrors("cpu", () => running);
      if ("code" in answer) throw new Cifar5mError(answer.code, answer.message);
      return answer.results;
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
