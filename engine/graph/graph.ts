import { Cifar5mError } from "../../core/errors.ts";
import { GraphNames, nameTaken } from "./graph-names.ts";
import { type DType, type Shape, type TensorData, tensorData } from "./tensor.ts";

/** An ONNX attribute. The operator's definition, not the value, says whether a number is an integer or a float. */
export type Attribute = number | string | readonly number[] | Graph;
export type Attributes = Readonly<Record<string, Attribute>>;

/** A value in a graph: the output of a node, an input, or a constant. */
export interface Tensor {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One operation. Its gradient consists of operations too, so graphs can be differentiated any number of times. */
export interface Node {
  readonly op: Operator;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attributes: Attributes;
}

/**
 * What a rewrite may do with a value that has a custom gradient rule.
 *
 * - `elementwise`: value and rule treat each element separately, so they work in any layout.
 * - `algebraic`: the rule gives the same gradient as the nodes that compute the value, in fewer steps. A rewrite may
 *   replace those nodes and drop the rule.
 */
export type RuleKind = "elementwise" | "algebraic";

/** An operation as the differentiator and the ONNX writer see it. Engines look it up by its name. */
export interface Operator {
  /** The ONNX operator that it is written as. */
  readonly name: string;
  /** Names of attributes that ONNX stores as floats; other numbers are stored as integers. */
  readonly floatAttributes?: readonly string[];
  /** Attributes that ONNX expects as constant inputs, in order; `undefined` leaves out an optional input. */
  readonly constantInputs?: (attributes: Attributes, dtype: DType) => readonly (TensorData | undefined)[];
  /** How many of the node's inputs the ONNX operator takes; only `vjp` uses the rest. */
  readonly numOnnxInputs?: number;
  /** Attributes of the ONNX node, if they differ from the attributes of this node. */
  readonly onnxAttributes?: (attributes: Attributes) => Attributes;
  /** The ONNX nodes of a whole model that this operator stands for; only onnxruntime runs them. */
  readonly onnxNodes?: (node: Node) => readonly object[];
  /** The version of the ONNX operators that `onnxNodes` need. */
  readonly opset?: number;
  /** The kind of a custom gradient rule; without it a rewrite keeps value and rule as they are. */
  readonly rule?: RuleKind | undefined;
  /**
   * Vector-Jacobian product: maps the gradients of the outputs to the gradients of the inputs. A gradient is undefined
   * if none flows. An operation without `vjp` that does not stop gradients cannot be differentiated.
   */
  readonly vjp?: (node: Node, gradients: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];
  /** Whether no gradient flows through its float results, on purpose. */
  readonly stopsGradient?: true;
}

/**
 * A computation under construction: inputs, constants, nodes in topological order, outputs.
 * A graph with a parent is the body of a `Loop` or a branch of an `If`, and may use the parent's tensors.
 */
export class Graph {
  readonly parent: Graph | undefined;
  /** Whether this is a branch. A run may skip a branch, so its nodes must not move out of it. */
  readonly isConditional: boolean;
  readonly inputs: Tensor[] = [];
  readonly constants = new Map<string, TensorData>();
  readonly outputs = new Map<string, Tensor>();
  readonly nodes: Node[] = [];
  readonly #producers = new Map<string, Node>();
  readonly #scalars = new Map<string, Tensor>();
  readonly #names: GraphNames;

  constructor(parent?: Graph, { isConditional = false } = {}) {
    this.parent = parent;
    this.isConditional = isConditional;
    this.#names = parent === undefined ? new GraphNames() : parent.#names;
  }

  /** How many graphs enclose this one. */
  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  /**
   * Declares a value that is fed at each run.
   * @throws Cifar5mError `engine/name-taken`
   */
  input(name: string, dtype: DType, shape: Shape): Tensor {
    this.#names.take(name, "value");
    const tensor = { graph: this, name, dtype, shape };
    this.inputs.push(tensor);
    return tensor;
  }

  /**
   * Adds a value that is part of the graph. The same array may be added again under its name.
   * @throws Cifar5mError `engine/name-taken` if the graph has another value under this name
   */
  constant(value: TensorData, name = this.newName("c")): Tensor {
    const known = this.constants.get(name);
    if (known === undefined) this.#names.take(name, "constant");
    else if (known.data !== value.data) throw nameTaken(name);
    this.constants.set(name, value);
    return { graph: this, name, dtype: value.dtype, shape: value.shape };
  }

  /**
   * Makes a value a result of the graph under a name.
   * @throws Cifar5mError `engine/name-taken`
   */
  output(name: string, tensor: Tensor): void {
    this.#names.takeOutput(name);
    this.outputs.set(name, tensor);
  }

  /** Keeps `newName` from using names that outputs will get. */
  reserveOutputs(names: Iterable<string>): void {
    for (const name of names) this.#names.take(name, "reserved");
  }

  #reaches(graph: Graph): boolean {
    for (let around: Graph | undefined = this; around !== undefined; around = around.parent) {
      if (around === graph) return true;
    }
    return false;
  }

  /** Adds a node. The functions in `ops/` call this after they have checked the operands and inferred the shapes. */
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
        `${op.name}: every input must belong to the graph or to one around it, and "${foreign.name}" does not. ` +
          "Build all operands in one graph; in a gradient rule or a branch, use only its arguments.",
      );
    }
    const results = outputs.map((output) => ({ graph: this, name: this.newName("t"), ...output }));
    const node = { op, inputs, outputs: results, attributes };
    this.nodes.push(node);
    for (const { name } of results) {
      this.#names.take(name, "value");
      this.#producers.set(name, node);
    }
    return results;
  }

  /** The node that computes a tensor; undefined for inputs and constants. */
  producerOf(tensor: Tensor): Node | undefined {
    return tensor.graph.#producers.get(tensor.name);
  }

  /** A one-element constant. Equal values share one constant. */
  scalar(dtype: DType, value: number): Tensor {
    const key = `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
    let tensor = this.#scalars.get(key);
    if (tensor === undefined) {
      tensor = this.constant(tensorData(dtype, [], [value]));
      this.#scalars.set(key, tensor);
    }
    return tensor;
  }

  /** A name that no value has, here or in the graphs around and inside this one. */
  newName(prefix: string): string {
    return this.#names.newName(prefix);
  }
}

/**
 * The innermost graph that the tensors belong to. An operation on all of them must be a node of this graph.
 * @throws Cifar5mError `engine/no-operand` without a tensor
 */
export function innermostGraph(tensors: readonly Tensor[]): Graph {
  const first = tensors[0];
  if (first === undefined) {
    throw new Cifar5mError("engine/no-operand", "an operation needs at least one tensor, got none. Give it one.");
  }
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

/** The error for operands that do not fit an operation. */
export function shapeError(operation: string, rule: string, ...shapes: readonly Shape[]): Cifar5mError {
  const seen = shapes.map((shape) => `[${shape}]`).join(" and ");
  return new Cifar5mError("engine/wrong-shape", `${operation}: ${rule}, got ${seen}. Check the network's options.`);
}
