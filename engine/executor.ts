import { parseDevice } from "./device-name.ts";
import type { Graph } from "./graph/graph.ts";
import type { TensorData } from "./graph/tensor.ts";

export type Feeds = Readonly<Record<string, TensorData>>;

/** A compiled graph. */
export interface Executable {
  /** How many runs can be in progress at the same time; further runs wait for their turn. */
  readonly concurrency: number;
  /**
   * Runs the graph once.
   * @param feeds - a value for each input of the graph
   * @returns a value for each output
   * @throws Cifar5mError `engine/missing-input`, `engine/wrong-type` or `engine/wrong-shape` for a value that does not
   *   fit; `engine/released` after the release; `engine/out-of-memory`
   */
  run(feeds: Feeds): Promise<Record<string, TensorData>>;
  /** Frees the memory. The executable cannot run afterwards. Releasing it again does nothing. */
  release(): Promise<void>;
}

/** `latency`: a single run is as fast as possible. `throughput`: many runs together are. Both give the same results up to rounding. */
export type Goal = "latency" | "throughput";

/** The order of the axes of image tensors: [N, C, H, W], or [H, W, N, C]. */
export type ImageLayout = "NCHW" | "HWNC";

/** Runs graphs on one device. */
export interface Engine {
  readonly name: EngineName;
  readonly device: string;
  /** The layout in which networks train fastest. */
  readonly trainingLayout: ImageLayout;
  /** Whether matrix products may be rounded to the 10 bits of float16 or TF32, in mixed precision and on GPUs. */
  readonly roundsProducts: boolean;
  /** @param goal - what to optimize the executable for, `latency` by default */
  compile(graph: Graph, goal?: Goal): Promise<Executable>;
}

export const engineNames = ["onnxruntime", "tfjs"] as const;
export type EngineName = (typeof engineNames)[number];

/**
 * The precision of the arithmetic. `mixed` computes convolutions and matrix products in float16 and everything else in
 * float32, which is several times as fast on GPUs. With `float32`, CUDA computes products in TF32, unless the environment has
 * `NVIDIA_TF32_OVERRIDE=0`.
 */
export const precisions = ["float32", "mixed"] as const;
export type Precision = (typeof precisions)[number];

/** What computes the numbers, apart from the options that say what is computed. */
export interface Execution {
  /** Seed of all random numbers; left out where nothing is random, or where the options hold the seed. */
  readonly seed?: number | undefined;
  readonly engine: EngineName;
  readonly device: string;
  /** `float32` by default. */
  readonly precision?: Precision | undefined;
  /** CPU threads, which are not part of the identity; one per core by default. */
  readonly numThreads?: number | undefined;
}

/** An execution whose seed is known. */
export interface SeededExecution extends Execution {
  readonly seed: number;
}

/**
 * The part of a hash that says what computed the numbers. Every hash of results uses this function.
 *
 * It contains the kind of a device without its number, because each worker may have its own GPU. It leaves out the
 * precision `float32`, so runs that started before this option existed keep their hash.
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
  /** The device: `cpu`, or another device that the engine supports on this machine. */
  readonly device?: string;
  /** CPU threads; one per core by default. Results are equal to the last bit only for equal numbers of threads. */
  readonly numThreads?: number | undefined;
  /** `float32` by default. */
  readonly precision?: Precision | undefined;
}
