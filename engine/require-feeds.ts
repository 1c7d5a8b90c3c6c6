import { Cifar5mError } from "../core/errors.ts";
import type { Feeds } from "./executor.ts";
import type { Graph } from "./graph/graph.ts";
import type { TensorData } from "./graph/tensor.ts";

/**
 * The values of the inputs of a graph, by name, without values for other names.
 * @throws Cifar5mError `engine/missing-input`, `engine/wrong-type` or `engine/wrong-shape` for a value that does not fit
 */
export function requireFeeds(graph: Graph, feeds: Feeds): Feeds {
  const needed = graph.inputs.map(({ name, dtype, shape }): readonly [string, TensorData] => {
    const value = feeds[name];
    if (value === undefined) {
      throw new Cifar5mError("engine/missing-input", `the graph needs a value for its input "${name}". Feed one.`);
    }
    if (value.dtype !== dtype) {
      throw new Cifar5mError(
        "engine/wrong-type",
        `the input "${name}" is ${dtype}, got ${value.dtype}. Feed a value of that type.`,
      );
    }
    if (value.shape.join() !== shape.join()) {
      throw new Cifar5mError(
        "engine/wrong-shape",
        `the input "${name}" has shape [${shape}], got [${value.shape}]. Feed a value of that shape.`,
      );
    }
    return [name, value];
  });
  return Object.fromEntries(needed);
}

/** The error for a run of an executable after its release. */
export function released(): Cifar5mError {
  return new Cifar5mError("engine/released", "a released graph cannot run. Compile it again.");
}
