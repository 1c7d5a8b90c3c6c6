import { Cifar5mError } from "./errors.ts";
import { nearestWord } from "./nearest-word.ts";

/**
 * Throws for unknown keys: otherwise a misspelled option would be ignored silently. Names the key that was probably
 * meant. A key whose value is undefined is one that was left out.
 * @param name - what errors call the options
 * @throws Cifar5mError `options/unknown-key`
 */
export function requireKeys(name: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new Cifar5mError(
      "options/unknown-key",
      `${name} must be an object with keys of ${keys.join(", ")}, got ${JSON.stringify(options) ?? String(options)}. Pass an object.`,
    );
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const unknown = given.map(([key]) => key).find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  const nearest = nearestWord(unknown, keys);
  const question = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  throw new Cifar5mError(
    "options/unknown-key",
    `${unknown} is not a key of ${name}.${question} Use one of: ${keys.join(", ")}.`,
  );
}
