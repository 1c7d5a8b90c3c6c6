import { Graph, type Node, type Tensor } from "../graph.ts";
import { neededNodes } from "../write-onnx.ts";

/** Makes a graph into another that computes the same: copies what a subclass does not rewrite, bodies of loops too. */
export abstract class Rewriter {
  protected readonly from: Graph;
  protected readonly to: Graph;
  /** Tensors of the old graph that its outputs depend on. */
  protected readonly needed: ReadonlySet<string>;
  readonly #nodes: readonly Node[];
  readonly #outer: Rewriter | undefined;
  /** Tensors of the new graph by the name of the old one. */
  readonly #copies = new Map<string, Tensor>();

  /** @param outer - the rewriter of the graph around a body */
  constructor(from: Graph, to: Graph, outer?: Rewriter) {
    this.from = from;
    this.to = to;
    this.#outer = outer;
    const { nodes, names } = neededNodes(from);
    this.#nodes = nodes;
    this.needed = names;
  }

  run(): Graph {
    for (const { name, dtype, shape } of this.from.inputs) this.#copies.set(name, this.to.input(name, dtype, shape));
    for (const node of this.#nodes) {
      if (!this.rewrite(node)) this.copyNode(node);
    }
    for (const [name, tensor] of this.from.outputs) this.to.output(name, this.copyOf(tensor));
    return this.to;
  }

  /** Whether the node could be done in another way; if so, its results are noted. */
  protected abstract rewrite(node: Node): boolean;

  /** What rewrites the body of a loop. */
  protected abstract bodyRewriter(body: Graph, to: Graph): Rewriter;

  /** The new tensor for an old one that the subclass keeps in another form; it is asked once. */
  protected restore(_old: Tensor): Tensor | undefined {
    return undefined;
  }

  /** @returns the first output of the copy */
  protected copyNode({ op, inputs, outputs, attributes }: Node): Tensor {
    const operands = inputs.slice(0, op.numOnnxInputs).map((input) => this.copyOf(input));
    const copied = Object.entries(attributes).map(([key, value]) => [
      key,
      value instanceof Graph ? this.bodyRewriter(value, new Graph(this.to)).run() : value,
    ]);
    const declared = outputs.map(({ dtype, shape }) => ({ dtype, shape }));
    const results = this.to.append(op, operands, Object.fromEntries(copied), declared);
    outputs.forEach((output, index) => {
      this.note(output, results[index]!);
    });
    return results[0]!;
  }

  /** The new tensor for an old one, as it was: same values, same layout, same type. */
  protected copyOf(old: Tensor): Tensor {
    const known = this.#copies.get(old.name);
    if (known !== undefined) return known;
    const constant = this.from.constants.get(old.name);
    const tensor = this.restore(old) ?? (constant === undefined ? undefined : this.to.constant(constant));
    if (tensor === undefined) return this.#outer!.copyOf(old);
    this.note(old, tensor);
    return tensor;
  }

  protected note(old: Tensor, tensor: Tensor): void {
    this.#copies.set(old.name, tensor);
  }
}
