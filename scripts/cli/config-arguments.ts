import { type Config, configJsonSchema, resolveConfig } from "../../pipeline/run/config.ts";
import { flagOf, leavesOf, valueAt } from "../../pipeline/run/config-keys.ts";

const defaults = resolveConfig({});

/**
 * The arguments that give another command the same configuration.
 * @param configKeys - of that command: whole sections or single keys
 * @returns `["--count", "400", …]` for every key that has not its default
 */
export function configArguments(config: Config, configKeys: readonly string[]): string[] {
  return leavesOf(configJsonSchema)
    .filter(({ key }) => configKeys.some((wanted) => key === wanted || key.startsWith(`${wanted}.`)))
    .flatMap(({ key }) => {
      const value = valueAt(config, key);
      const isDefault = JSON.stringify(value) === JSON.stringify(valueAt(defaults, key));
      return isDefault || value === undefined ? [] : [`--${flagOf(key)}`, textOf(value)];
    });
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}
