import type { Tensor } from "../graph/graph.ts";
import { type ParameterSource, Scope } from "./parameters.ts";

/**
 * For a network that one loss calls several times: every call gets the parameters of the first one, and its random
 * numbers, in the same order. Running statistics change by the first call only.
 * @param scope - what the first call gets
 * @returns the scope of the next call
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
