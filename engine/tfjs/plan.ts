import { Cifar5mError } from "../../core/errors.ts";
import { Graph, type Node } from "../graph/graph.ts";
import { bodyNames, neededNodes } from "../graph/needed-nodes.ts";
import type { Kernel, Kernels } from "./kernel.ts";
import { convKernels } from "./kernels/conv.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { gatherKernels } from "./kernels/gather.ts";
import { matmulKernels } from "./kernels/matmul.ts";
import { normalizeKernels } from "./kernels/normalize.ts";
import { poolKernels } from "./kernels/pool.ts";
import { reduceKernels } from "./kernels/reduce.ts";
import { shapeKernels } from "./kernels/shape.ts";
import type { Tensor, TensorFlow } from "./load-tensorflow.ts";
import { tfType, toTensor } from "./values.ts";

const kernels: Kernels = {
  ...elementwiseKernels,
  ...shapeKernels,
  ...matmulKernels,
  ...convKernels,
  ...poolKernels,
  ...reduceKernels,
  ...normalizeKernels,
  ...gatherKernels,
};

/** Finds a value of the running graph, or of a graph around it. */
type Lookup = (name: string) => Tensor;

interface Step {
  readonly node: Node;
  readonly kernel: Kernel | undefined;
  /** The body of a `Loop`, or the two branches of an `If`. */
  readonly bodies: readonly Plan[];
  readonly inputNames: readonly string[];
  /** Names of the values that no later step needs. */
  readonly lastUses: readonly string[];
}

/** How to run a graph: its needed nodes in order, and the values that can be freed after each of them. */
export class Plan {
  readonly graph: Graph;
  readonly #tf: TensorFlow;
  readonly #steps: Step[] = [];
  readonly #constants = new Map<string, Tensor>();

  /** @throws Cifar5mError `engine/unsupported-type`, `engine/unknown-operator` or `engine/onnxruntime-only` */
  constructor(tf: TensorFlow, graph: Graph) {
    this.#tf = tf;
    this.graph = graph;
    const { nodes, names } = neededNodes(graph);
    if (nodes.some(({ op }) => op.onnxNodes !== undefined)) {
      throw new Cifar5mError(
        "engine/onnxruntime-only",
        "a model made elsewhere runs on the onnxruntime engine, got tfjs. Use --engine onnxruntime.",
      );
    }
    try {
      for (const [name, value] of graph.constants) {
        if (names.has(name)) this.#constants.set(name, tf.keep(toTensor(tf, value)));
      }
      this.#planSteps(nodes);
    } catch (thrown) {
      this.release();
      throw thrown;
    }
  }

  #planSteps(nodes: readonly Node[]): void {
    const { graph } = this;
    const kept = new Set([...graph.outputs.values()].map(({ name }) => name));
    const owned = new Set([...graph.inputs, ...nodes.flatMap(({ outputs }) => outputs)].map(({ name }) => name));
    for (const node of nodes.toReversed()) {
      for (const { dtype } of node.outputs) tfType(dtype);
      const inputNames = node.inputs.slice(0, node.op.numOnnxInputs).map(({ name }) => name);
      const used = new Set([...node.outputs.map(({ name }) => name), ...inputNames, ...bodyNames(node)]);
      const lastUses = [...used].filter((name) => owned.has(name) && !kept.has(name));
      for (const name of used) kept.add(name);
      this.#steps.push(this.#stepOf(node, inputNames, lastUses));
    }
    this.#steps.reverse();
  }

  #stepOf(node: Node, inputNames: readonly string[], lastUses: readonly string[]): Step {
    const { op, attributes } = node;
    const graphs = Object.values(attributes).filter((value) => value instanceof Graph);
    if (graphs.length > 0) {
      const bodies = graphs.map((graph) => new Plan(this.#tf, graph));
      return { node, kernel: undefined, bodies, inputNames, lastUses };
    }
    const kernel = kernels[op.name];
    if (kernel === undefined) {
      const known = "it has one for every operation in engine/ops";
      throw new Cifar5mError(
        "engine/unknown-operator",
        `the tfjs engine has no kernel "${op.name}", ${known}. Add it in engine/tfjs/kernels.`,
      );
    }
    return { node, kernel, bodies: [], inputNames, lastUses };
  }

  /**
   * Runs the graph once.
   * @param inputs - a value for each input of the graph, in order; the run disposes them
   * @returns a value for each output, in order; the caller disposes them
   */
  run(inputs: readonly Tensor[], outer?: Lookup): Tensor[] {
    const values = new Map(this.graph.inputs.map(({ name }, index) => [name, inputs[index]!]));
    const lookup: Lookup = (name) => {
      const value = values.get(name) ?? this.#constants.get(name) ?? outer?.(name);
      if (value === undefined) throw new Error(`no value "${name}" in the graph`);
      return value;
    };
    try {
      for (const { node, kernel, bodies, inputNames, lastUses } of this.#steps) {
        const operands = inputNames.map(lookup);
        const results =
          kernel === undefined
            ? this.#runBodies(bodies, operands, lookup)
            : this.#tf.tidy(() => [...kernel(this.#tf, operands, node)]);
        node.outputs.forEach(({ name }, index) => {
          const result = results[index]!;
          values.set(name, operands.includes(result) ? result.clone() : result);
        });
        for (const name of lastUses) {
          values.get(name)?.dispose();
          values.delete(name);
        }
      }
      return [...this.graph.outputs.values()].map(({ name }) => lookup(name).clone());
    } finally {
      for (const value of values.values()) value.dispose();
    }
  }

  #runBodies([body, otherwise]: readonly Plan[], operands: readonly Tensor[], lookup: Lookup): Tensor[] {
    if (otherwise === undefined) return this.#repeat(body!, operands, lookup);
    return (operands[0]!.dataSync()[0] ? body! : otherwise).run([], lookup);
  }

  /** Runs a `Loop`: takes [count, condition, ...initial] and returns [...carried, ...collected]. */
  #repeat(body: Plan, [count, , ...initial]: readonly Tensor[], lookup: Lookup): Tensor[] {
    const tf = this.#tf;
    const numIterations = count!.dataSync()[0]!;
    let carried = initial.map((tensor) => tensor.clone());
    const collected: Tensor[][] = [];
    try {
      for (let iteration = 0; iteration < numIterations; iteration++) {
        const counter = [tf.scalar(iteration, "int32"), tf.scalar(true, "bool")];
        const [proceed, ...results] = body.run([...counter, ...carried], lookup);
        proceed!.dispose();
        carried = results.slice(0, initial.length);
        collected.push(results.slice(initial.length));
      }
      const series = collected[0]?.map((_, index) => tf.stack(collected.map((results) => results[index]!)));
      return [...carried, ...(series ?? [])];
    } finally {
      // Also where a body ran out of memory: whoever asked may try a smaller batch.
      tf.dispose(collected);
    }
  }

  /** Frees the constants. */
  release(): void {
    for (const body of this.#steps.flatMap(({ bodies }) => bodies)) body.release();
    this.#tf.dispose([...this.#constants.values()]);
    this.#constants.clear();
  }
}
