import { Cifar5mError } from "../core/errors.ts";
import type { Graph, Node, Tensor } from "./graph/graph.ts";
import { bodyNames } from "./graph/needed-nodes.ts";
import { isFloat, sizeOf } from "./graph/tensor.ts";
import { zerosLike } from "./ops/broadcast.ts";
import { add, scalarLike } from "./ops/elementwise.ts";

/**
 * Gradients of a scalar by reverse-mode differentiation. They are new nodes of the same graph, so they can be
 * differentiated again and run on any engine.
 * @param loss - one float element
 * @param parameters - float tensors of any shape; they may belong to an outer graph
 * @returns one tensor per parameter, of its shape; zeros where the loss does not depend on it
 * @throws Cifar5mError `engine/not-scalar` when the loss has more than one element; `engine/no-gradient` when the loss
 *   depends on a parameter through a `Loop`, an `If` or a spliced model, which cannot be differentiated
 */
export function gradients(loss: Tensor, parameters: readonly Tensor[]): readonly Tensor[] {
  if (sizeOf(loss.shape) !== 1 || !isFloat(loss.dtype)) {
    throw new Cifar5mError(
      "engine/not-scalar",
      `only one float can be differentiated, got ${loss.dtype} of shape [${loss.shape}]. Take its mean or sum.`,
    );
  }
  const dependent = new Set(parameters.map(({ name }) => name));
  const path = nodesUpTo(loss).filter((node) => {
    if (!usedNames(node).some((name) => dependent.has(name))) return false;
    for (const { name } of node.outputs) dependent.add(name);
    return true;
  });
  const found = new Map<string, Tensor>();
  const accumulate = (tensor: Tensor, gradient: Tensor) => {
    const before = found.get(tensor.name);
    found.set(tensor.name, before === undefined ? gradient : add(before, gradient));
  };
  const one = scalarLike(loss, 1);
  accumulate(loss, loss.shape.length === 0 ? one : add(zerosLike(loss), one));
  for (const node of path.reverse()) {
    const incoming = node.outputs.map(({ name }) => found.get(name));
    if (node.op.stopsGradient || incoming.every((gradient) => gradient === undefined)) continue;
    if (node.op.vjp === undefined) throw noGradient(node.op.name);
    const outgoing = node.op.vjp(node, incoming);
    node.inputs.forEach((input, index) => {
      const gradient = outgoing[index];
      if (gradient !== undefined && dependent.has(input.name) && isFloat(input.dtype)) accumulate(input, gradient);
    });
  }
  return parameters.map((parameter) => found.get(parameter.name) ?? zerosLike({ ...parameter, graph: loss.graph }));
}

/** The nodes that a tensor depends on, from its graph and the enclosing graphs, in topological order. */
function nodesUpTo(tensor: Tensor): Node[] {
  const needed = new Set([tensor.name]);
  const nodes: Node[] = [];
  for (let graph: Graph | undefined = tensor.graph; graph !== undefined; graph = graph.parent) {
    for (const node of graph.nodes.toReversed()) {
      if (!node.outputs.some(({ name }) => needed.has(name))) continue;
      nodes.push(node);
      for (const name of usedNames(node)) needed.add(name);
    }
  }
  return nodes.reverse();
}

/** The names of the values that a node depends on, including those that its gradient rule and its bodies use. */
function usedNames(node: Node): string[] {
  return [...node.inputs.map(({ name }) => name), ...bodyNames(node)];
}

function noGradient(operation: string): Cifar5mError {
  return new Cifar5mError(
    "engine/no-gradient",
    `${operation} has no gradient, and the loss depends on a parameter through it. ` +
      "Take gradients inside its body, or use stopGradient on its results.",
  );
}
