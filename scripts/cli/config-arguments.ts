import { type Config, resolveConfig, trainingSections } from "../../pipeline/run/config.ts";
import { configLeaves, flagOf, valueAt } from "../../pipeline/run/config-keys.ts";

const defaults = resolveConfig({});

/**
 * The arguments that give another command the same configuration. They name keys with their default, too, because the
 * other command has other defaults if the run is pinned. Only of trainings, whose options are many, defaults are left out.
 * @param configKeys - of that command: whole sections or single keys
 * @returns `["--count", "400", …]`
 */
export function configArguments(config: Config, configKeys: readonly string[]): string[] {
  return configLeaves(configKeys).flatMap(({ key }) => {
    const value = valueAt(config, key);
    if (value === undefined || (isOfTraining(key) && isDefault(key, value))) return [];
    return [`--${flagOf(key)}`, textOf(value)];
  });
}

function isOfTraining(key: string): boolean {
  return trainingSections.some((section) => key.startsWith(`${section}.`));
}

function isDefault(key: string, value: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(valueAt(defaults, key));
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}
