import { Cifar5mError } from "../../core/errors.ts";
import { Graph, innermostGraph, type Operator, shapeError, type Tensor } from "../graph/graph.ts";

/** ONNX `Loop`. It has no gradient; gradients are taken inside its body. */
const Loop: Operator = { name: "Loop" };

export interface LoopBody {
  /** Values for the next iteration, with the order, types and shapes of the values that came in. */
  readonly carried: readonly Tensor[];
  /** Values of this iteration to return. */
  readonly collected: readonly Tensor[];
}

/**
 * Runs a body several times and passes values from each iteration to the next.
 * @param numIterations - int64 scalar, at least 1
 * @param maxIterations - upper bound of `numIterations`; used for the declared shape of collected values only
 * @param initial - carried values of the first iteration
 * @param build - builds the body; gets the body's graph, the iteration number (int64 scalar) and the carried values
 * @returns the last carried values, and the collected values of all iterations stacked along a new first axis
 * @throws Cifar5mError `engine/wrong-shape` if the body carries other types, shapes or numbers of values than `initial`
 */
export function loop(
  numIterations: Tensor,
  maxIterations: number,
  initial: readonly Tensor[],
  build: (body: Graph, iteration: Tensor, carried: readonly Tensor[]) => LoopBody,
): { readonly carried: readonly Tensor[]; readonly collected: readonly Tensor[] } {
  const graph = innermostGraph([numIterations, ...initial]);
  const body = new Graph(graph);
  const iteration = body.input(graph.newName("iteration"), "int64", []);
  const proceed = body.input(graph.newName("proceed"), "bool", []);
  const inputs = initial.map(({ dtype, shape }) => body.input(graph.newName("carried"), dtype, shape));
  const { carried, collected } = build(body, iteration, inputs);
  requireCarried(initial, carried);
  for (const tensor of [proceed, ...carried, ...collected]) body.output(graph.newName("next"), tensor);
  const stacked = collected.map(({ dtype, shape }) => ({ dtype, shape: [maxIterations, ...shape] }));
  const always = graph.scalar("bool", 1);
  const outputs = graph.append(Loop, [numIterations, always, ...initial], { body }, [
    ...initial.map(({ dtype, shape }) => ({ dtype, shape })),
    ...stacked,
  ]);
  return { carried: outputs.slice(0, initial.length), collected: outputs.slice(initial.length) };
}

function requireCarried(initial: readonly Tensor[], carried: readonly Tensor[]): void {
  if (carried.length !== initial.length) {
    throw new Cifar5mError(
      "engine/wrong-shape",
      `loop: the body must carry as many values as come in, ${initial.length}, got ${carried.length}. ` +
        "Return a next value for each.",
    );
  }
  initial.forEach((first, index) => {
    const next = carried[index]!;
    if (next.dtype === first.dtype && next.shape.join() === first.shape.join()) return;
    const rule = `carried value ${index} must stay ${first.dtype} [${first.shape}], the body makes it ${next.dtype}`;
    throw shapeError("loop", rule, next.shape);
  });
}
