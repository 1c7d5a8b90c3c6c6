import { Cifar5mError } from "../../core/errors.ts";
import type { Engine, EngineOptions, Executable, Feeds } from "../executor.ts";
import type { Graph } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";
import { namingMemoryErrors } from "../memory-error.ts";
import { released, requireFeeds } from "../require-feeds.ts";
import { loadTensorFlow, type Tensor, type TensorFlow, type TensorFlowPackage } from "./load-tensorflow.ts";
import { Plan } from "./plan.ts";
import { fromTensor, toTensor } from "./values.ts";

export interface TfjsEngine extends Engine {
  /** The package that computes. */
  readonly packageName: TensorFlowPackage;
}

export interface TfjsEngineOptions extends EngineOptions {
  /** The package to use; the first one that loads by default. */
  readonly packageName?: TensorFlowPackage;
}

/**
 * Runs graphs with TensorFlow.js, node by node.
 * @param options.device - `cpu`, `gpu` or `cuda`; by default the first that works of a GPU, the CPU with native code and
 *   the CPU with plain JavaScript
 * @throws Cifar5mError `engine/unknown-device`, `engine/device-missing`, `engine/no-float16` for mixed precision
 */
export async function tfjsEngine(options: TfjsEngineOptions = {}): Promise<TfjsEngine> {
  const { device, packageName, precision } = options;
  if (precision === "mixed") {
    throw new Cifar5mError(
      "engine/no-float16",
      "the tfjs engine computes in float32 only, got precision mixed. Use --engine onnxruntime, or --precision float32.",
    );
  }
  const loaded = await loadTensorFlow(device, packageName);
  return {
    name: "tfjs",
    device: loaded.device,
    packageName: loaded.packageName,
    trainingLayout: "NCHW",
    roundsProducts: loaded.device !== "cpu",
    compile: async (graph) => new TfjsExecutable(loaded.tf, loaded.device, graph),
  };
}

class TfjsExecutable implements Executable {
  readonly concurrency = 1;
  readonly #tf: TensorFlow;
  readonly #device: string;
  readonly #plan: Plan;
  #isReleased = false;

  constructor(tf: TensorFlow, device: string, graph: Graph) {
    this.#tf = tf;
    this.#device = device;
    this.#plan = new Plan(tf, graph);
  }

  async run(feeds: Feeds): Promise<Record<string, TensorData>> {
    if (this.#isReleased) throw released();
    const { graph } = this.#plan;
    const needed = requireFeeds(graph, feeds);
    const values = graph.inputs.map(({ name }) => needed[name]!);
    return await namingMemoryErrors(this.#device, async () => this.#compute(values, graph.outputs));
  }

  #compute(values: readonly TensorData[], outputs: Graph["outputs"]): Record<string, TensorData> {
    const results = this.#plan.run(this.#toTensors(values));
    const declared = [...outputs];
    const data = results.map((result, index) => {
      const [name, { dtype }] = declared[index]!;
      return [name, fromTensor(result, dtype)] as const;
    });
    this.#tf.dispose(results);
    return Object.fromEntries(data);
  }

  #toTensors(values: readonly TensorData[]): Tensor[] {
    const tensors: Tensor[] = [];
    try {
      for (const value of values) tensors.push(toTensor(this.#tf, value));
      return tensors;
    } catch (error) {
      this.#tf.dispose(tensors);
      throw error;
    }
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#plan.release();
  }
}
