import { parseDevice } from "./device-name.ts";
import type { Graph } from "./graph/graph.ts";
import type { TensorData } from "./graph/tensor.ts";

export type Feeds = Readonly<Record<string, TensorData>>;

/** A graph made ready to run. */
export interface Executable {
  /** Runs that go on at the same time; more wait for their turn. */
  readonly concurrency: number;
  /** One run: a value for each input of the graph, in; a value for each output, out. */
  run(feeds: Feeds): Promise<Record<string, TensorData>>;
  /** Gives the memory back; the executable must not run again. */
  release(): Promise<void>;
}

/** One run as fast as possible, or as many runs as possible in a given time. Their results are the same. */
export type Goal = "latency" | "throughput";

/** How images lie in a graph: [N, C, H, W], or [H, W, N, C]. */
export type ImageLayout = "NCHW" | "HWNC";

/** What runs graphs, on one device. */
export interface Engine {
  readonly name: EngineName;
  readonly device: string;
  /** What networks train fastest in. */
  readonly trainingLayout: ImageLayout;
  /** @param goal - what the executable shall be good at, `latency` by default */
  compile(graph: Graph, goal?: Goal): Promise<Executable>;
}

export const engineNames = ["onnxruntime", "tfjs"] as const;
export type EngineName = (typeof engineNames)[number];

/**
 * What convolutions and matrix products are computed in: `mixed` has float16 there and float32 in all else, which GPUs
 * do several times as fast.
 */
export const precisions = ["float32", "mixed"] as const;
export type Precision = (typeof precisions)[number];

/** What numbers are computed by, beside the options of what is computed. */
export interface Execution {
  /** Of all random numbers; left out where the options hold it. */
  readonly seed?: number | undefined;
  readonly engine: EngineName;
  readonly device: string;
  /** `float32` by default. */
  readonly precision?: Precision | undefined;
}

/**
 * The part of a hash that says what computed the numbers: everything that names results takes it from here.
 *
 * Of a device it has the kind, not the number: each worker may have its own GPU. It has no precision for `float32`, so
 * that runs that were started before there was a choice keep their hash.
 * @throws Cifar5mError `engine/unknown-device`
 */
export function executionIdentity({ seed, engine, device, precision = "float32" }: Execution): Execution {
  return {
    ...(seed === undefined ? {} : { seed }),
    engine,
    device: parseDevice(device).kind,
    ...(precision === "float32" ? {} : { precision }),
  };
}

export interface EngineOptions {
  /** Where to run: `cpu`, or another that the engine has on this machine. */
  readonly device?: string;
  /** Threads of the CPU; as many as there are cores by default. Fixed for fixed results to the last bit. */
  readonly numThreads?: number | undefined;
  /** `float32` by default. */
  readonly precision?: Precision | undefined;
}
