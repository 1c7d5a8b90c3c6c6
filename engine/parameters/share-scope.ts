import type { Tensor } from "../graph/graph.ts";
import { type ParameterSource, Scope } from "./parameters.ts";

/**
 * Shares one scope between several calls of a network within a loss. Every call gets the parameters of the first call,
 * and its random numbers in the same order. Only the first call updates running statistics.
 * @param scope - the scope of the first call
 * @returns a function that returns the scope of the next call
 */
export function shareScope(scope: Scope): () => Scope {
  const named = new Map<string, Tensor>();
  const randoms: Tensor[] = [];
  let numCalls = 0;
  const once = (name: string, make: () => Tensor) => {
    const tensor = named.get(name) ?? make();
    named.set(name, tensor);
    return tensor;
  };
  return () => {
    const isFirst = numCalls++ === 0;
    let numRandoms = 0;
    const source: ParameterSource = {
      training: scope.training,
      parameter: ({ name, shape, initializer, ...options }) =>
        once(name, () => scope.parameter(name, shape, initializer, options)),
      state: ({ name, shape, value }) => once(name, () => scope.state(name, shape, value)),
      setState: (name, value) => {
        if (isFirst) scope.setState(name, value);
      },
      random: (kind, stream, shape) => {
        const index = numRandoms++;
        randoms[index] ??= scope.random(kind, stream, shape);
        return randoms[index];
      },
    };
    return new Scope(source);
  };
}
