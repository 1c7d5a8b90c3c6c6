import { Graph, type Tensor } from "../graph/graph.ts";
import { randomOutsideTraining } from "../parameters/constant-scope.ts";
import {
  type ParameterSource,
  type ParameterSpec,
  Scope,
  type StateSpec,
  totalSize,
} from "../parameters/parameters.ts";
import { unflatten } from "../parameters/trace-parameters.ts";
import type { Declaration } from "./training-definition.ts";
import type { TrainingProgram } from "./training-program.ts";

/**
 * Builds a graph that evaluates a network during its training, without dropout and with running statistics.
 *
 * Inputs: the vectors that the training carries, `parameters` [P] and, if the network has states, `states` [S]; and the
 * declared ones. Output: `result`.
 * @param training - the program whose parameters and states the network has
 * @param inputs - the inputs of the network
 */
export function buildEvaluationProgram(
  training: Pick<TrainingProgram, "parameters" | "states">,
  inputs: Readonly<Record<string, Declaration>>,
  network: (scope: Scope, inputs: Readonly<Record<string, Tensor>>) => Tensor,
): Graph {
  const graph = new Graph();
  const source = new VectorSource(graph, training);
  const fed = Object.entries(inputs).map(
    ([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)] as const,
  );
  graph.output("result", network(new Scope(source), Object.fromEntries(fed)));
  return graph;
}

/** Takes the parameters and states of a network from input vectors. */
class VectorSource implements ParameterSource {
  readonly training = false;
  readonly #values: ReadonlyMap<string, Tensor>;

  constructor(graph: Graph, { parameters, states }: Pick<TrainingProgram, "parameters" | "states">) {
    const vector = (name: string, specs: readonly (ParameterSpec | StateSpec)[]) =>
      specs.length === 0
        ? new Map<string, Tensor>()
        : unflatten(graph.input(name, "float32", [totalSize(specs)]), specs);
    this.#values = new Map([...vector("parameters", parameters), ...vector("states", states)]);
  }

  parameter({ name }: ParameterSpec): Tensor {
    return this.#values.get(name)!;
  }

  state({ name }: StateSpec): Tensor {
    return this.#values.get(name)!;
  }

  setState(): void {}

  random(): never {
    throw randomOutsideTraining();
  }
}
