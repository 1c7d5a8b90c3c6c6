import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import { abs, add, less, scalarLike, sub, where } from "../ops/elementwise.ts";
import { Rewriter } from "./rewriter.ts";

/** From here on, float32 has no fractions, and neighboring numbers below differ by 1/2 or less. */
const firstWhole = 2 ** 23;

/**
 * Rewrites rounding into sums, for devices without a kernel for it. The results are the same for all numbers: a number
 * plus 2²³ has no room for a fraction, and the addition rounds ties to even, as `Round` does.
 */
export function rewriteRound(graph: Graph): Graph {
  return new RoundRewriter(graph, new Graph()).run();
}

class RoundRewriter extends Rewriter {
  protected override bodyRewriter(body: Graph, to: Graph): RoundRewriter {
    return new RoundRewriter(body, to, this);
  }

  protected override rewrite({ op, inputs, outputs }: Node): boolean {
    const [x] = inputs;
    if (op.name !== "Round" || x!.dtype !== "float32") return false;
    this.note(outputs[0]!, roundBySums(this.copyOf(x!)));
    return true;
  }
}

function roundBySums(x: Tensor): Tensor {
  const shift = where(less(x, 0), scalarLike(x, -firstWhole), scalarLike(x, firstWhole));
  return where(less(abs(x), firstWhole), sub(add(x, shift), shift), x);
}
