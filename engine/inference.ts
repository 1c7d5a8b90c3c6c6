import { BuilderError } from "../core/errors.ts";
import type { Graph, Tensor } from "./graph.ts";
import { type ParameterSource, type ParameterSpec, Scope, type StateSpec } from "./parameters.ts";
import type { Shape } from "./tensor.ts";

/** Weights of a network by name. */
export type Weights = ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array }>;

/** A scope whose parameters are constants of a graph, taken from trained weights. */
export function constantScope(graph: Graph, weights: Weights): Scope {
  return new Scope(new ConstantSource(graph, weights));
}

class ConstantSource implements ParameterSource {
  readonly training = false;
  readonly #graph: Graph;
  readonly #weights: Weights;

  constructor(graph: Graph, weights: Weights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  parameter({ name, shape }: ParameterSpec | StateSpec): Tensor {
    const value = this.#weights.get(name);
    if (value === undefined || value.shape.join() !== shape.join()) {
      const seen = value === undefined ? "none" : `one of shape [${value.shape}]`;
      throw new BuilderError(
        "weights/wrong-architecture",
        `the network needs a weight "${name}" of shape [${shape}], the file has ${seen}. Use weights of the same architecture.`,
      );
    }
    return this.#graph.constant({ dtype: "float32", shape, data: value.data }, name);
  }

  state(spec: StateSpec): Tensor {
    return this.parameter(spec);
  }

  setState(): never {
    throw new BuilderError("engine/not-training", "states change in training only. Build the network for training.");
  }

  random(): never {
    throw new BuilderError("engine/not-training", "networks draw at random in training only. Build it for training.");
  }
}
