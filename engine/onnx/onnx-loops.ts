import { Cifar5mError } from "../../core/errors.ts";
import type { OnnxGraph, OnnxNode } from "./onnx-schema.ts";
import { decodeOnnxTensor } from "./onnx-tensors.ts";

/** Turns of loops, those within others multiplied. */
const maxTurns = 100_000;

/**
 * Refuses a loop whose end is not known before it runs: it could take for ever, and nothing can interrupt it.
 * @param label - the model's name, for errors
 * @throws Cifar5mError `model/unsupported`
 */
export function requireBoundedLoops(graph: OnnxGraph, label: string): void {
  checkGraph(graph, label, new Map(), 1);
}

/**
 * @param outer - whole numbers that the graphs around this one hold, by name
 * @param outerTurns - how often this graph runs
 */
function checkGraph(graph: OnnxGraph, label: string, outer: ReadonlyMap<string, number>, outerTurns: number): void {
  const numbers = new Map([...outer, ...numbersOf(graph)]);
  for (const node of graph.node) {
    const turns = node.op_type === "Loop" ? outerTurns * turnsOf(node, numbers) : outerTurns;
    if (!(turns <= maxTurns)) {
      throw new Cifar5mError(
        "model/unsupported",
        `${label} must loop a fixed number of times, at most ${maxTurns}, node "${node.name}" does not. ` +
          "Export it with its loops unrolled.",
      );
    }
    for (const { g, graphs } of node.attribute) {
      for (const inner of g ? [g, ...graphs] : graphs) checkGraph(inner, label, numbers, turns);
    }
  }
}

/** How often a `Loop` runs at most; infinity where only its condition or a result says. */
function turnsOf({ input }: OnnxNode, numbers: ReadonlyMap<string, number>): number {
  return numbers.get(input[0] ?? "") ?? Number.POSITIVE_INFINITY;
}

/** Whole numbers among a graph's weights and constants. */
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
