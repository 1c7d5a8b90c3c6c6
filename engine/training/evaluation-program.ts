import { Graph, type Tensor } from "../graph/graph.ts";
import {
  type ParameterSource,
  type ParameterSpec,
  Scope,
  type StateSpec,
  totalSize,
} from "../parameters/parameters.ts";
import { unflatten } from "../parameters/trace-parameters.ts";
import type { Declaration, TrainingProgram } from "./training-program.ts";

/** The network of a training, as a graph that is fed the vectors which training carries. */
export interface EvaluationProgram {
  /** Inputs `parameters` [P], `states` [S] where there are any, and the declared ones; output `result`. */
  readonly graph: Graph;
}

/**
 * Builds a graph that looks at a network in the middle of its training: dropout is off and running statistics are used.
 * @param training - whose parameters and states it takes
 * @param inputs - what the network is applied to
 */
export function buildEvaluationProgram(
  training: Pick<TrainingProgram, "parameters" | "states">,
  inputs: Readonly<Record<string, Declaration>>,
  network: (scope: Scope, inputs: Readonly<Record<string, Tensor>>) => Tensor,
): EvaluationProgram {
  const graph = new Graph();
  const source = new VectorSource(graph, training);
  const fed = Object.entries(inputs).map(
    ([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)] as const,
  );
  graph.output("result", network(new Scope(source), Object.fromEntries(fed)));
  return { graph };
}

/** Gives a network its parameters and states out of fed vectors. */
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
    throw new Error("a network draws at random in training only");
  }
}
