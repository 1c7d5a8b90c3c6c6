import { Cifar5mError } from "./errors.ts";

/**
 * Refuses options that nobody would look at: a misspelled one would silently not be there.
 * @param name - of the options, in errors
 * @throws Cifar5mError `options/unknown-key`
 */
export function requireKeys(name: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new Cifar5mError(
      "options/unknown-key",
      `${name} must be an object with keys of ${keys.join(", ")}, got ${JSON.stringify(options) ?? String(options)}. Pass an object.`,
    );
  }
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  throw new Cifar5mError("options/unknown-key", `${unknown} is no key of ${name}. Use one of: ${keys.join(", ")}.`);
}
