import { Cifar5mError } from "../../core/errors.ts";
import { requireKeys } from "../../core/require-keys.ts";
import { flagNames } from "../format/flags.ts";
import type { FlagFilter } from "./row-flags.ts";

/** Which rows of a split to serve; all conditions must hold. */
export interface RowFilter {
  /** Labels, by name or number; one, or a list of them. */
  readonly classes?: string | number | readonly (string | number)[];
  /** Smallest confidence, in [0, 1]. */
  readonly minConfidence?: number;
  /** Flags of an audit: `{ leak: false }` keeps the rows that are not leaks. The data set must have been audited. */
  readonly flags?: FlagFilter;
}

/** A filter with class numbers instead of names, sorted: equal filters are equal as JSON. */
export interface ResolvedFilter {
  readonly classes: readonly number[];
  readonly minConfidence: number;
  /** Left out if no flag matters. */
  readonly flags?: FlagFilter;
}

/** @throws Cifar5mError `dataset/unknown-class`, `dataset/unknown-flag`, `dataset/out-of-range`, `options/unknown-key` */
export function resolveFilter(filter: RowFilter, classNames: readonly string[]): ResolvedFilter {
  requireKeys("the filter", filter, ["classes", "minConfidence", "flags"]);
  const { classes = classNames.map((_, index) => index), minConfidence = 0 } = filter;
  // Anything but a list counts as one class, and is refused if it is none.
  const wanted: readonly unknown[] = Array.isArray(classes) ? classes : [classes];
  const numbers = wanted.map((name) => {
    const index = typeof name === "number" ? name : classNames.indexOf(name as string);
    if (Number.isInteger(index) && index >= 0 && index < classNames.length) return index;
    throw new Cifar5mError(
      "dataset/unknown-class",
      `classes must be among ${classNames.join(", ")}, or their numbers, got ${JSON.stringify(name)}. Choose among those.`,
    );
  });
  if (!(typeof minConfidence === "number" && minConfidence >= 0 && minConfidence <= 1)) {
    throw new Cifar5mError(
      "dataset/out-of-range",
      `minConfidence must lie in [0, 1], got ${minConfidence}. Use 0 to keep every image.`,
    );
  }
  const flags = resolveFlags(filter.flags ?? {});
  const resolved = { classes: [...new Set(numbers)].sort((a, b) => a - b), minConfidence };
  return Object.keys(flags).length === 0 ? resolved : { ...resolved, flags };
}

function resolveFlags(flags: FlagFilter): FlagFilter {
  if (typeof flags !== "object" || Array.isArray(flags)) {
    throw new Cifar5mError(
      "dataset/out-of-range",
      `flags must be an object of names and booleans, got ${JSON.stringify(flags)}. Pass { leak: false }, for example.`,
    );
  }
  const entries = Object.entries(flags).filter(([, wanted]) => wanted !== undefined);
  for (const [name, wanted] of entries) {
    if (!flagNames.some((known) => known === name)) {
      throw new Cifar5mError(
        "dataset/unknown-flag",
        `flags must be among ${flagNames.join(", ")}, got ${JSON.stringify(name)}. Choose among those.`,
      );
    }
    if (typeof wanted === "boolean") continue;
    throw new Cifar5mError(
      "dataset/out-of-range",
      `flags.${name} must be true or false, got ${JSON.stringify(wanted)}. Use false to leave such rows out.`,
    );
  }
  return Object.fromEntries(entries);
}
