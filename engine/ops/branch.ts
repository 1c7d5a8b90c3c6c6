import { Graph, innermostGraph, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { tensorData } from "../graph/tensor.ts";

/** ONNX `If`. It has no gradient. */
const If: Operator = { name: "If" };

/**
 * Brings a value into a branch, so that what is made of it is made there. It is no `Identity`, because onnxruntime removes
 * those and then misses the value where it has fused the node that takes it.
 */
const Enter: Operator = {
  name: "Reshape",
  constantInputs: ({ shape }) => [tensorData("int64", [(shape as number[]).length], shape as number[])],
  onnxAttributes: () => ({}),
};

/**
 * One of two computations, of which only that one is done.
 * @param condition - bool scalar
 * @param operands - what both start from
 * @param whenTrue - makes the result where the condition holds; gets the operands as values of the branch
 * @param whenFalse - makes a result of the same type and shape where it does not
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
    const entered = operands.map((operand) => {
      const { dtype, shape } = operand;
      return body.append(Enter, [operand], { shape }, [{ dtype, shape }])[0]!;
    });
    const result = build(...entered);
    body.output(body.newName("branch"), result);
    return { body, result };
  });
  const { dtype, shape } = left!.result;
  if (dtype !== right!.result.dtype || shape.join() !== right!.result.shape.join()) {
    throw shapeError("branch", "both results must have one type and shape", shape, right!.result.shape);
  }
  if (condition.dtype !== "bool" || condition.shape.length > 0) {
    throw shapeError("branch", "the condition must be one bool", condition.shape);
  }
  const attributes = { then_branch: left!.body, else_branch: right!.body };
  return graph.append(If, [condition], attributes, [{ dtype, shape }])[0]!;
}
