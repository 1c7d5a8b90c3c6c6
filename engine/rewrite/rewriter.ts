import { Graph, innermostGraph, type Node, type Tensor } from "../graph/graph.ts";
import { neededNodes } from "../graph/needed-nodes.ts";

/** Rewrites a graph into another one that computes the same. It copies every node that its subclass does not rewrite. */
export class Rewriter {
  protected readonly from: Graph;
  protected readonly to: Graph;
  readonly #nodes: readonly Node[];
  readonly #outer: Rewriter | undefined;
  /** Tensors of the new graph, by the name of the old tensor. */
  readonly #copies = new Map<string, Tensor>();

  /** @param outer - for a body, the rewriter of the enclosing graph */
  constructor(from: Graph, to: Graph, outer?: Rewriter) {
    this.from = from;
    this.to = to;
    this.#outer = outer;
    this.#nodes = neededNodes(from).nodes;
  }

  run(): Graph {
    // Loop bodies match inputs by position, so rename them: a name must not shadow one in the enclosing graph.
    const nameOf = (name: string) => (this.to.parent === undefined ? name : this.to.newName("body"));
    for (const { name, dtype, shape } of this.from.inputs) {
      this.#copies.set(name, this.to.input(nameOf(name), dtype, shape));
    }
    if (this.to.parent === undefined) this.to.reserveOutputs(this.from.outputs.keys());
    for (const [name, tensor] of this.#rewriteNodes()) this.to.output(nameOf(name), tensor);
    return this.to;
  }

  /**
   * Inserts the rewritten nodes into a graph that may already have nodes.
   * @param values - tensors of that graph, or of one around it, for the inputs of the old graph, by name
   * @returns the outputs of the old graph, by name
   */
  insert(values: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
    for (const { name } of this.from.inputs) this.#copies.set(name, values.get(name)!);
    return this.#rewriteNodes();
  }

  #rewriteNodes(): ReadonlyMap<string, Tensor> {
    for (const node of this.#nodes) {
      if (!this.rewrite(node)) this.copyNode(node);
    }
    return new Map([...this.from.outputs].map(([name, tensor]) => [name, this.copyOf(tensor)]));
  }

  /** Tries to rewrite a node. Returns whether it did; if so, it has recorded the new results. */
  protected rewrite(_node: Node): boolean {
    return false;
  }

  /** The rewriter for the body of a loop. */
  protected bodyRewriter(body: Graph, to: Graph): Rewriter {
    return new Rewriter(body, to, this);
  }

  /** Converts an old tensor that the subclass holds in another form back to the old form; called once per tensor. */
  protected restore(_old: Tensor): Tensor | undefined {
    return undefined;
  }

  /** Copies a node and returns the first output of the copy. */
  protected copyNode({ op, inputs, outputs, attributes }: Node): Tensor {
    const operands = inputs.map((input) => this.copyOf(input));
    const copied = Object.entries(attributes).map(([key, value]) => [
      key,
      value instanceof Graph ? this.bodyRewriter(value, new Graph(this.to, value)).run() : value,
    ]);
    const declared = outputs.map(({ dtype, shape }) => ({ dtype, shape }));
    const hasBody = Object.values(attributes).some((value) => value instanceof Graph);
    // Nodes whose operands are outside of a loop stay outside: their results are equal in all iterations.
    const staysHere = operands.length === 0 || hasBody || this.to.isConditional;
    const graph = staysHere ? this.to : innermostGraph(operands);
    const results = graph.append(op, operands, Object.fromEntries(copied), declared);
    outputs.forEach((output, index) => {
      this.note(output, results[index]!);
    });
    return results[0]!;
  }

  /** The new tensor for an old one, with the same values, layout and type. */
  protected copyOf(old: Tensor): Tensor {
    const known = this.#copies.get(old.name);
    if (known !== undefined) return known;
    const constant = this.from.constants.get(old.name);
    const tensor = this.restore(old) ?? (constant === undefined ? undefined : this.to.constant(constant));
    if (tensor === undefined) return this.#outer!.copyOf(old);
    this.note(old, tensor);
    return tensor;
  }

  /** Records the new tensor for an old one. */
  protected note(old: Tensor, tensor: Tensor): void {
    this.#copies.set(old.name, tensor);
  }
}
