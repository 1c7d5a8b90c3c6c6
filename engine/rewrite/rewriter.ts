import { Graph, innermostGraph, type Node, type Tensor } from "../graph/graph.ts";
import { neededNodes } from "../graph/needed-nodes.ts";

/** Makes a graph into another that computes the same: copies what no subclass rewrites, bodies of loops too. */
export class Rewriter {
  protected readonly from: Graph;
  protected readonly to: Graph;
  readonly #nodes: readonly Node[];
  readonly #outer: Rewriter | undefined;
  /** Tensors of the new graph by the name of the old one. */
  readonly #copies = new Map<string, Tensor>();

  /** @param outer - the rewriter of the graph around a body */
  constructor(from: Graph, to: Graph, outer?: Rewriter) {
    this.from = from;
    this.to = to;
    this.#outer = outer;
    this.#nodes = neededNodes(from).nodes;
  }

  run(): Graph {
    // A body's values count by place, and must not hide those of the graph around it.
    const nameOf = (name: string) => (this.to.parent === undefined ? name : this.to.newName("body"));
    for (const { name, dtype, shape } of this.from.inputs) {
      this.#copies.set(name, this.to.input(nameOf(name), dtype, shape));
    }
    for (const [name, tensor] of this.#rewriteNodes()) this.to.output(nameOf(name), tensor);
    return this.to;
  }

  /**
   * Puts the nodes into the new graph, among others that are there already.
   * @param values - tensors of the new graph, or of one around it, for the old one's inputs, by name
   * @returns the old one's outputs, by name
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

  /** Whether the node could be done in another way; if so, its results are noted. */
  protected rewrite(_node: Node): boolean {
    return false;
  }

  /** What rewrites the body of a loop. */
  protected bodyRewriter(body: Graph, to: Graph): Rewriter {
    return new Rewriter(body, to, this);
  }

  /** The new tensor for an old one that the subclass keeps in another form; it is asked once. */
  protected restore(_old: Tensor): Tensor | undefined {
    return undefined;
  }

  /** @returns the first output of the copy */
  protected copyNode({ op, inputs, outputs, attributes }: Node): Tensor {
    const operands = inputs.map((input) => this.copyOf(input));
    const copied = Object.entries(attributes).map(([key, value]) => [
      key,
      value instanceof Graph ? this.bodyRewriter(value, new Graph(this.to, value)).run() : value,
    ]);
    const declared = outputs.map(({ dtype, shape }) => ({ dtype, shape }));
    const hasBody = Object.values(attributes).some((value) => value instanceof Graph);
    // What a step does not change stays outside of the loop.
    const staysHere = operands.length === 0 || hasBody || this.to.isConditional;
    const graph = staysHere ? this.to : innermostGraph(operands);
    const results = graph.append(op, operands, Object.fromEntries(copied), declared);
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
