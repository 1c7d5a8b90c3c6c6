import type { Graph } from "./graph.ts";
import type { TensorData } from "./tensor.ts";

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
export type ImageLayout = "images-first" | "places-first";

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

/**
 * The precision as part of what identifies a run or a training: nothing at its default, so that what releases before it
 * began goes on.
 */
export function precisionIdentity(precision: Precision | undefined): { readonly precision?: Precision } {
  return precision === undefined || precision === "float32" ? {} : { precision };
}

export interface EngineOptions {
  /** Where to run: `cpu`, or another that the engine has on this machine. */
  readonly device?: string;
  /** Threads of the CPU; as many as there are cores by default. Fixed for fixed results to the last bit. */
  readonly numThreads?: number | undefined;
  /** `float32` by default. */
  readonly precision?: Precision | undefined;
}
