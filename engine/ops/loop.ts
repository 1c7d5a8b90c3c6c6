import { Graph, type Operator, type Tensor } from "../graph/graph.ts";
import { tensorData } from "../graph/tensor.ts";

/** ONNX `Loop`. It has no gradient: what is differentiated stands inside a body. */
const Loop: Operator = { name: "Loop" };

export interface LoopBody {
  /** Values for the next iteration, in the order, types and shapes of those that came in. */
  readonly carried: readonly Tensor[];
  /** Values to keep of every iteration. */
  readonly collected: readonly Tensor[];
}

/**
 * Runs a body a number of times, handing values from each iteration to the next.
 * @param numIterations - int64 scalar, at least 1
 * @param maxIterations - the most that `numIterations` will be; only the declared shape of what is collected needs it
 * @param initial - what the first iteration gets
 * @param build - makes the body; it gets the body's graph, the iteration number (int64 scalar) and the carried values
 * @returns the last carried values and each collected one, stacked along a new first axis
 */
export function loop(
  numIterations: Tensor,
  maxIterations: number,
  initial: readonly Tensor[],
  build: (body: Graph, iteration: Tensor, carried: readonly Tensor[]) => LoopBody,
): { readonly carried: readonly Tensor[]; readonly collected: readonly Tensor[] } {
  const graph = numIterations.graph;
  const body = new Graph(graph);
  const iteration = body.input(graph.newName("iteration"), "int64", []);
  const proceed = body.input(graph.newName("proceed"), "bool", []);
  const inputs = initial.map(({ dtype, shape }) => body.input(graph.newName("carried"), dtype, shape));
  const { carried, collected } = build(body, iteration, inputs);
  for (const tensor of [proceed, ...carried, ...collected]) body.output(graph.newName("next"), tensor);
  const stacked = collected.map(({ dtype, shape }) => ({ dtype, shape: [maxIterations, ...shape] }));
  const always = graph.scalar("bool", 1, () => tensorData("bool", [], [1]));
  const outputs = graph.append(Loop, [numIterations, always, ...initial], { body }, [
    ...initial.map(({ dtype, shape }) => ({ dtype, shape })),
    ...stacked,
  ]);
  return { carried: outputs.slice(0, initial.length), collected: outputs.slice(initial.length) };
}
