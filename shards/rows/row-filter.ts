import { Cifar5mError } from "../../core/errors.ts";
import { requireKeys } from "../../core/require-keys.ts";

/** Which rows of a split to serve; all conditions must hold. */
export interface RowFilter {
  /** Labels, by name or number. */
  readonly classes?: readonly (string | number)[];
  /** Smallest confidence, in [0, 1]. */
  readonly minConfidence?: number;
}

/** A filter with class numbers instead of names, sorted: equal filters are equal as JSON. */
export interface ResolvedFilter {
  readonly classes: readonly number[];
  readonly minConfidence: number;
}

/** @throws Cifar5mError `dataset/unknown-class`, `dataset/out-of-range` */
export function resolveFilter(filter: RowFilter, classNames: readonly string[]): ResolvedFilter {
  requireKeys("the filter", filter, ["classes", "minConfidence"]);
  const { classes = classNames.map((_, index) => index), minConfidence = 0 } = filter;
  const numbers = classes.map((name) => {
    const index = typeof name === "number" ? name : classNames.indexOf(name);
    if (Number.isInteger(index) && index >= 0 && index < classNames.length) return index;
    throw new Cifar5mError(
      "dataset/unknown-class",
      `classes must be among ${classNames.join(", ")}, or their numbers, got ${JSON.stringify(name)}. Choose of those.`,
    );
  });
  if (!(minConfidence >= 0 && minConfidence <= 1)) {
    throw new Cifar5mError(
      "dataset/out-of-range",
      `minConfidence must lie in [0, 1], got ${minConfidence}. Use 0 to keep every image.`,
    );
  }
  return { classes: [...new Set(numbers)].sort((a, b) => a - b), minConfidence };
}
