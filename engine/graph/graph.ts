import { Cifar5mError } from "../../core/errors.ts";
import type { DType, Shape, TensorData } from "./tensor.ts";

/** An ONNX attribute. Integers and floats are told apart by the operator's definition, not by their value. */
export type Attribute = number | string | readonly number[] | Graph;
export type Attributes = Readonly<Record<string, Attribute>>;

/** A value in a graph: what a node makes, an input, or a constant. */
export interface Tensor {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One operation. Its gradient is a function of the same operations, so graphs can be differentiated any number of times. */
export interface Node {
  readonly op: Operator;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: Attributes;
}

/**
 * `elementwise`: value and gradient treat each element by itself, so that any layout does. `algebraic`: the gradient is
 * that of the nodes which made the value, by fewer steps, so that other nodes may take their place with it.
 */
export type RuleKind = "elementwise" | "algebraic";

/** What an operation is to the differentiator and to the ONNX writer. Executors know it by its name. */
export interface Operator {
  /** The ONNX operator it becomes. */
  readonly name: string;
  /** Names of attributes that ONNX stores as floats; other numbers are stored as integers. */
  readonly floatAttributes?: readonly string[];
  /** Attributes that ONNX wants as constant inputs, in order; `undefined` leaves an optional input out. */
  readonly constantInputs?: (attributes: Attributes, dtype: DType) => readonly (TensorData | undefined)[];
  /** How many of the node's inputs the ONNX operator takes; the rest only matter to `vjp`. */
  readonly numOnnxInputs?: number;
  /** Attributes of the ONNX node, where they are not those of this one. */
  readonly onnxAttributes?: (attributes: Attributes) => Attributes;
  /** The ONNX nodes that stand for one of this operator, where it is a whole model; only onnxruntime runs them. */
  readonly onnxNodes?: (node: Node) => readonly object[];
  /** The version of the ONNX operators that `onnxNodes` need. */
  readonly opset?: number;
  /** Of a value with a rule for its gradient: what else may be done with the two. */
  readonly rule?: RuleKind | undefined;
  /**
   * Vector-Jacobian product: from the gradients of the outputs (undefined where none flows) to those of the inputs.
   * Without it the operation stops gradients.
   */
  readonly vjp?: (node: Node, gradients: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];
}

/**
 * A computation under construction: inputs, constants, nodes in topological order, outputs.
 * A graph with a parent is the body of a `Loop` or a branch of an `If`, and may use the parent's tensors.
 */
export class Graph {
  readonly parent: Graph | undefined;
  /** Whether it is a branch, which may be left out at a run: its nodes must stay in it. */
  readonly isConditional: boolean;
  readonly inputs: Tensor[] = [];
  readonly constants = new Map<string, TensorData>();
  readonly outputs = new Map<string, Tensor>();
  readonly nodes: Node[] = [];
  readonly #producers = new Map<string, Node>();
  readonly #scalars = new Map<string, Tensor>();
  readonly #counter: { next: number };

  constructor(parent?: Graph, { isConditional = false } = {}) {
    this.parent = parent;
    this.isConditional = isConditional;
    this.#counter = parent === undefined ? { next: 0 } : parent.#counter;
  }

  /** How many bodies this one is inside of. */
  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  /** A value that is fed at each run. */
  input(name: string, dtype: DType, shape: Shape): Tensor {
    this.#refuseTaken(name);
    const tensor = { graph: this, name, dtype, shape };
    this.inputs.push(tensor);
    return tensor;
  }

  /** A value that is part of the graph. */
  constant(value: TensorData, name = this.newName("c")): Tensor {
    this.constants.set(name, value);
    return { graph: this, name, dtype: value.dtype, shape: value.shape };
  }

  /** Names a value as a result of the graph. */
  output(name: string, tensor: Tensor): void {
    this.#refuseTaken(name);
    this.outputs.set(name, tensor);
  }

  #reaches(graph: Graph): boolean {
    for (let around: Graph | undefined = this; around !== undefined; around = around.parent) {
      if (around === graph) return true;
    }
    return false;
  }

  #refuseTaken(name: string): void {
    if (this.outputs.has(name) || this.inputs.some((input) => input.name === name)) {
      throw new Cifar5mError("engine/name-taken", `the graph has an input or output "${name}". Choose another name.`);
    }
  }

  /** Adds a node; the operation functions in `ops/` call this after they have checked and inferred shapes. */
  append(
    op: Operator,
    inputs: readonly Tensor[],
    attributes: Attributes,
    outputs: readonly { readonly dtype: DType; readonly shape: Shape }[],
  ): readonly Tensor[] {
    const foreign = inputs.find(({ graph }) => !this.#reaches(graph));
    if (foreign !== undefined) {
      throw new Cifar5mError(
        "engine/foreign-tensor",
        `${op.name}: every input must belong to the graph or one around it, and "${foreign.name}" does not. ` +
          "A rule of gradients must use its arguments only.",
      );
    }
    const results = outputs.map((output) => ({ graph: this, name: this.newName("t"), ...output }));
    const node = { op, inputs, outputs: results, attributes };
    this.nodes.push(node);
    for (const result of results) this.#producers.set(result.name, node);
    return results;
  }

  /** The node that makes a tensor; undefined for inputs and constants. */
  producerOf(tensor: Tensor): Node | undefined {
    return tensor.graph.#producers.get(tensor.name);
  }

  /** A one-element constant, shared by all who ask for the same value. */
  scalar(dtype: DType, value: number, make: () => TensorData): Tensor {
    const key = `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
    let tensor = this.#scalars.get(key);
    if (tensor === undefined) {
      tensor = this.constant(make());
      this.#scalars.set(key, tensor);
    }
    return tensor;
  }

  newName(prefix: string): string {
    return `${prefix}${this.#counter.next++}`;
  }
}

/** The innermost of the graphs the tensors live in: where an operation on all of them must be placed. */
export function innermostGraph(tensors: readonly Tensor[]): Graph {
  const first = tensors[0];
  if (first === undefined) throw new Cifar5mError("engine/no-operand", "an operation needs at least one tensor.");
  return tensors.reduce((deepest, { graph }) => (graph.depth > deepest.depth ? graph : deepest), first.graph);
}

/** Adds a node with one output. */
export function appendOne(
  op: Operator,
  inputs: readonly Tensor[],
  attributes: Attributes,
  dtype: DType,
  shape: Shape,
): Tensor {
  return innermostGraph(inputs).append(op, inputs, attributes, [{ dtype, shape }])[0]!;
}

/** An error about operands that do not fit an operation. */
export function shapeError(operation: string, rule: string, ...shapes: readonly Shape[]): Cifar5mError {
  const seen = shapes.map((shape) => `[${shape}]`).join(" and ");
  return new Cifar5mError("engine/wrong-shape", `${operation}: ${rule}, got ${seen}. Check the network's options.`);
}
