import { Graph, innermostGraph, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { Reshape } from "./reshape.ts";

/** ONNX `If`. It has no gradient; gradients are taken inside its branches. */
const If: Operator = { name: "If" };

/**
 * Does one of two computations, depending on a condition. The other computation is not done.
 * @param condition - bool scalar
 * @param operands - values that both computations may use
 * @param whenTrue - builds the result for a true condition; gets the operands as values of the branch
 * @param whenFalse - builds the result for a false condition, of the same type and shape
 */
export function branch(
  condition: Tensor,
  operands: readonly Tensor[],
  whenTrue: (...operands: Tensor[]) => Tensor,
  whenFalse: (...operands: Tensor[]) => Tensor,
): Tensor {
  const graph = innermostGraph([condition, ...operands]);
  const [left, right] = [whenTrue, whenFalse].map((build) => {
    const body = new Graph(graph, { isConditional: true });
    // The nodes that use an operand must belong to the branch, so it is brought in. This is not an `Identity`: onnxruntime
    // removes an `Identity`, and then does not find the value if it has fused the node that takes it.
    const entered = operands.map((operand) => {
      const { dtype, shape } = operand;
      return body.append(Reshape, [operand], { shape }, [{ dtype, shape }])[0]!;
    });
    const result = build(...entered);
    body.output(body.newName("branch"), result);
    return { body, result };
  });
  const { dtype, shape } = left!.result;
  if (dtype !== right!.result.dtype || shape.join() !== right!.result.shape.join()) {
    throw shapeError("branch", "both results must have the same type and shape", shape, right!.result.shape);
  }
  if (condition.dtype !== "bool" || condition.shape.length > 0) {
    throw shapeError("branch", "the condition must be one bool", condition.shape);
  }
  const attributes = { then_branch: left!.body, else_branch: right!.body };
  return graph.append(If, [condition], attributes, [{ dtype, shape }])[0]!;
}
