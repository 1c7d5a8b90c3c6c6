import { Cifar5mError } from "../../core/errors.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import type { Shape, TensorData } from "../graph/tensor.ts";
import { type ParameterSource, type ParameterSpec, Scope, type StateSpec } from "./parameters.ts";
import { traceParameters } from "./trace-parameters.ts";

/** Weights of a network by name. */
export type Weights = ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;

/** A scope whose parameters are trained weights, as constants of a graph. A graph may hold several models. */
export function constantScope(graph: Graph, weights: Weights): Scope {
  return new Scope(new ConstantSource(graph, weights));
}

/**
 * The weight for a parameter or a state of a network.
 * @throws Cifar5mError `weights/wrong-architecture` if there is no weight of that name and shape
 */
export function requireWeight(
  weights: Weights,
  { name, shape }: { readonly name: string; readonly shape: Shape },
): { readonly shape: Shape; readonly data: Float32Array } {
  const value = weights.get(name);
  if (value?.shape.join() === shape.join()) return value;
  const seen = value === undefined ? "none" : `one of shape [${value.shape}]`;
  throw new Cifar5mError(
    "weights/wrong-architecture",
    `the network needs a weight "${name}" of shape [${shape}], the file has ${seen}. Use weights of the same architecture.`,
  );
}

/**
 * Checks that the weights are exactly those of a network.
 * @param build - builds the network
 * @throws Cifar5mError `weights/wrong-architecture` for a weight that is missing, has another shape or is not part of the
 *   network
 */
export function requireWeightsOf(weights: Weights, build: (scope: Scope, graph: Graph) => unknown): void {
  const { parameters, states } = traceParameters(build);
  const asked = [...parameters, ...states];
  for (const spec of asked) requireWeight(weights, spec);
  const names = new Set(asked.map(({ name }) => name));
  const unknown = [...weights.keys()].find((name) => !names.has(name));
  if (unknown === undefined) return;
  throw new Cifar5mError(
    "weights/wrong-architecture",
    `the network has no weight "${unknown}", the file has one. Use weights of the same architecture.`,
  );
}

/** The error for a network that asks for random numbers although it is not being trained. */
export function randomOutsideTraining(): Cifar5mError {
  return new Cifar5mError(
    "engine/not-training",
    "networks use random numbers in training only. Build the network for training.",
  );
}

/** A weight's name, with a number if another model of the same architecture has a weight of this name in the graph. */
function constantName(graph: Graph, name: string, data: Float32Array): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} (${number})`;
    const seen = constantAround(graph, candidate);
    if (seen === undefined || seen.data === data) return candidate;
  }
}

function constantAround(graph: Graph | undefined, name: string): TensorData | undefined {
  return graph && (graph.constants.get(name) ?? constantAround(graph.parent, name));
}

class ConstantSource implements ParameterSource {
  readonly training = false;
  readonly #graph: Graph;
  readonly #weights: Weights;

  constructor(graph: Graph, weights: Weights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  parameter(spec: ParameterSpec | StateSpec): Tensor {
    const { shape, data } = requireWeight(this.#weights, spec);
    return this.#graph.constant({ dtype: "float32", shape, data }, constantName(this.#graph, spec.name, data));
  }

  state(spec: StateSpec): Tensor {
    return this.parameter(spec);
  }

  setState(): never {
    throw new Cifar5mError("engine/not-training", "states change in training only. Build the network for training.");
  }

  random(): never {
    throw randomOutsideTraining();
  }
}
