import { toFloat16Bits } from "../graph/float16.ts";
import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import type { TensorData } from "../graph/tensor.ts";
import { cast } from "../ops/elementwise.ts";
import { Rewriter } from "./rewriter.ts";

/** Operations with nearly all of a network's arithmetic, which devices compute faster in float16. */
const products: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "MatMul"]);

/** Operations that only move numbers. Their operands may be cast instead of their results. */
const movers: ReadonlySet<string> = new Set(["Reshape", "Transpose", "Slice", "Split", "Concat", "Pad", "Expand"]);

/**
 * Rewrites a graph so that its convolutions and matrix products, including those of gradients, take and return float16.
 * Everything else stays in float32: norms, softmax, losses, sums of gradients and the weights in the optimizer.
 * @see Micikevicius et al. 2018, arXiv:1710.03740, mixed precision
 */
export function rewriteMixedPrecision(graph: Graph): Graph {
  return new MixedPrecisionRewriter(graph, new Graph()).run();
}

class MixedPrecisionRewriter extends Rewriter {
  readonly #outer: MixedPrecisionRewriter | undefined;
  /** float16 tensors of the new graph, by the name of the old tensor. */
  readonly #halves = new Map<string, Tensor>();

  constructor(from: Graph, to: Graph, outer?: MixedPrecisionRewriter) {
    super(from, to, outer);
    this.#outer = outer;
  }

  protected override bodyRewriter(body: Graph, to: Graph): MixedPrecisionRewriter {
    return new MixedPrecisionRewriter(body, to, this);
  }

  protected override rewrite(node: Node): boolean {
    if (!products.has(node.op.name) || node.inputs.some(({ dtype }) => dtype !== "float32")) return false;
    this.#appendHalf(node);
    return true;
  }

  protected override restore(old: Tensor): Tensor | undefined {
    const half = this.#halves.get(old.name);
    return half && cast(half, "float32");
  }

  #half(old: Tensor): Tensor {
    if (old.graph !== this.from) return this.#outer!.#half(old);
    const known = this.#halves.get(old.name);
    if (known !== undefined) return known;
    const constant = this.from.constants.get(old.name);
    const producer = this.from.producerOf(old);
    if (producer !== undefined && movers.has(producer.op.name)) {
      this.#appendHalf(producer);
    } else {
      const half = constant === undefined ? cast(this.copyOf(old), "float16") : this.to.constant(toHalf(constant));
      this.#halves.set(old.name, half);
    }
    return this.#halves.get(old.name)!;
  }

  /** Copies a node with float16 operands and float16 results. */
  #appendHalf({ op, inputs, outputs, attributes }: Node): void {
    const operands = inputs.map((input) => this.#half(input));
    const declared = outputs.map(({ shape }) => ({ dtype: "float16", shape }) as const);
    this.to.append(op, operands, attributes, declared).forEach((half, index) => {
      this.#halves.set(outputs[index]!.name, half);
    });
  }
}

function toHalf({ shape, data }: TensorData): TensorData {
  return { dtype: "float16", shape, data: Uint16Array.from(data as Float32Array, toFloat16Bits) };
}
