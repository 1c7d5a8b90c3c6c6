import { Cifar5mError } from "../../core/errors.ts";
import { sizeOf, type TensorArray, type TensorData, zeros } from "../graph/tensor.ts";
import type { Declaration } from "./training-definition.ts";

/**
 * Joins the values of an input at several steps along a new first axis.
 * @param numSteps - the extent of the new axis; zeros follow the values
 * @throws Cifar5mError `engine/missing-input`, `engine/wrong-type` or `engine/wrong-size`
 */
export function joinSteps(
  name: string,
  { dtype, shape }: Declaration,
  numSteps: number,
  parts: readonly (TensorArray | undefined)[],
): TensorData {
  const all = zeros(dtype, [numSteps, ...shape]);
  const size = sizeOf(shape);
  parts.forEach((part, index) => {
    requireElements(part, { name, like: all, size });
    (all.data as Float32Array).set(part as Float32Array, index * size);
  });
  return all;
}

/** Checks a step's value of an input: its array must be of the input's type and hold exactly its elements. */
function requireElements(
  part: TensorArray | undefined,
  { name, like, size }: { readonly name: string; readonly like: TensorData; readonly size: number },
): asserts part is TensorArray {
  if (part === undefined) {
    throw new Cifar5mError("engine/missing-input", `each step needs a value for its input "${name}". Pass one.`);
  }
  if (part.constructor !== like.data.constructor) {
    throw new Cifar5mError(
      "engine/wrong-type",
      `the step input "${name}" is ${like.dtype} in a ${like.data.constructor.name}, got a ${part.constructor.name}. ` +
        "Pass an array of that type.",
    );
  }
  if (part.length !== size) {
    throw new Cifar5mError(
      "engine/wrong-size",
      `the step input "${name}" has ${size} elements, got ${part.length}. Pass as many.`,
    );
  }
}
