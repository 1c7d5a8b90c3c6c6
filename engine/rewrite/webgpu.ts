import { Graph, type Node, type Tensor } from "../graph/graph.ts";
import { abs, add, less, scalarLike, sub, where } from "../ops/elementwise.ts";
import { slice } from "../ops/slice.ts";
import { Rewriter } from "./rewriter.ts";

/** A WebGPU shader has at least 8 storage buffers, and onnxruntime gives one to each output of a `Split` and to its input. */
const mostOutputs = 7;
/** From here on, float32 has no fractions. */
const firstWhole = 2 ** 23;

/**
 * Rewrites what onnxruntime cannot do on WebGPU. All results stay the same.
 *
 * - `Round` has no kernel. Its operand would be copied to the CPU and back.
 * - `Split` fails if it has more outputs than a shader has buffers.
 */
export function rewriteForWebgpu(graph: Graph): Graph {
  return new WebgpuRewriter(graph, new Graph()).run();
}

class WebgpuRewriter extends Rewriter {
  protected override bodyRewriter(body: Graph, to: Graph): WebgpuRewriter {
    return new WebgpuRewriter(body, to, this);
  }

  protected override rewrite({ op, inputs, outputs, attributes }: Node): boolean {
    const [input] = inputs;
    if (op.name === "Round" && input!.dtype === "float32") {
      this.note(outputs[0]!, roundBySums(this.copyOf(input!)));
      return true;
    }
    if (op.name === "Split" && outputs.length > mostOutputs) {
      this.#sliceInto(outputs, this.copyOf(input!), attributes["axis"] as number);
      return true;
    }
    return false;
  }

  #sliceInto(outputs: readonly Tensor[], whole: Tensor, axis: number): void {
    let start = 0;
    for (const output of outputs) {
      const end = start + output.shape[axis]!;
      this.note(output, slice(whole, [{ axis, start, end }]));
      start = end;
    }
  }
}

/** A number plus 2²³ has no room for a fraction, and the addition rounds ties to even, as `Round` does. */
function roundBySums(x: Tensor): Tensor {
  const shift = where(less(x, 0), scalarLike(x, -firstWhole), scalarLike(x, firstWhole));
  return where(less(abs(x), firstWhole), sub(add(x, shift), shift), x);
}
