import { BuilderError } from "./errors.ts";

/**
 * Refuses options that nobody would look at: a misspelled one would silently not be there.
 * @param name - of the options, in errors
 * @throws BuilderError `options/unknown-key`
 */
export function requireKeys(name: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new BuilderError(
      "options/unknown-key",
      `${name} must be an object with keys of ${keys.join(", ")}, got ${JSON.stringify(options) ?? String(options)}. Pass an object.`,
    );
  }
  const unknown = Object.keys(options).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  throw new BuilderError("options/unknown-key", `${unknown} is no key of ${name}. Use one of: ${keys.join(", ")}.`);
}
