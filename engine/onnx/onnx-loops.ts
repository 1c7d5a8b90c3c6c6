import { Cifar5mError } from "../../core/errors.ts";
import type { OnnxGraph, OnnxNode } from "./onnx-schema.ts";
import { decodeOnnxTensor } from "./onnx-tensors.ts";

/** Limit on the iterations of a loop. The iterations of nested loops are multiplied. */
const maxIterations = 100_000;

/**
 * Checks that the number of iterations of every loop is known before it runs and is not too large. A loop cannot be
 * interrupted, so it must not run forever.
 * @param label - what errors call the model
 * @throws Cifar5mError `model/unsupported`
 */
export function requireBoundedLoops(graph: OnnxGraph, label: string): void {
  requireBounded(graph, label, new Map(), 1);
}

/**
 * @param outer - integer constants of the enclosing graphs by name
 * @param numRuns - how often this graph runs
 */
function requireBounded(graph: OnnxGraph, label: string, outer: ReadonlyMap<string, number>, numRuns: number): void {
  const numbers = new Map([...outer, ...numbersOf(graph)]);
  for (const node of graph.node) {
    const numInnerRuns = node.op_type === "Loop" ? numRuns * iterationsOf(node, numbers) : numRuns;
    if (!(numInnerRuns <= maxIterations)) {
      throw new Cifar5mError(
        "model/unsupported",
        `${label} must loop a fixed number of times, at most ${maxIterations}, node "${node.name}" does not. ` +
          "Export it with its loops unrolled.",
      );
    }
    for (const { g, graphs } of node.attribute) {
      for (const inner of g ? [g, ...graphs] : graphs) requireBounded(inner, label, numbers, numInnerRuns);
    }
  }
}

/** The maximum number of iterations of a `Loop`; infinity if it depends on a condition or on a computed value. */
function iterationsOf({ input }: OnnxNode, numbers: ReadonlyMap<string, number>): number {
  return numbers.get(input[0] ?? "") ?? Number.POSITIVE_INFINITY;
}

/** The integer scalars among the weights and constants of a graph. */
function* numbersOf({ initializer, node }: OnnxGraph): Generator<[string, number]> {
  const constants = node.flatMap(({ op_type: operator, output: [name], attribute: [value] }) =>
    operator === "Constant" && name !== undefined && value !== undefined ? [{ name, value }] : [],
  );
  for (const { name, value } of constants) if (value.name === "value_int") yield [name, value.i.toNumber()];
  const tensors = constants.flatMap(({ name, value: { t } }) => (t ? [{ name, tensor: t }] : []));
  for (const { name, tensor } of [...tensors, ...initializer.map((it) => ({ name: it.name, tensor: it }))]) {
    if (tensor.dims.some((extent) => extent.toNumber() !== 1) || tensor.data_type !== 7) continue;
    const [number] = decodeOnnxTensor(tensor)?.data ?? [];
    if (number !== undefined) yield [name, Number(number)];
  }
}
