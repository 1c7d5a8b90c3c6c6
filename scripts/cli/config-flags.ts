import type { Options } from "yargs";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { describeRule } from "../../core/json-schema.ts";
import { parseJson } from "../../core/parse-json.ts";
import { configJsonSchema, mergeConfigs, type PartialConfig } from "../../pipeline/run/config.ts";
import {
  type ConfigLeaf,
  flagOf,
  leavesOf,
  nest,
  parseFlag,
  takesText,
} from "../../pipeline/run/config-keys.ts";
import { diskError } from "../../storage/disk-error.ts";
import { readRegularFile } from "../../storage/regular-file.ts";

/** Flags for the keys of a command: `--count`, `--sampler.steps`, … */
export function configFlags(configKeys: readonly string[]): Record<string, Options> {
  return Object.fromEntries(
    leavesOfKeys(configKeys).map(({ key, schema }) => [
      flagOf(key),
      {
        // The schema checks the text: yargs would make NaN of a word and an error message of that.
        type: "string",
        requiresArg: true,
        describe: schema.description ?? key,
        defaultDescription: String(schema.default),
        group: "Configuration:",
      } satisfies Options,
    ]),
  );
}

/** The keys that flags were given for. */
export function configFromFlags(configKeys: readonly string[], args: Readonly<Record<string, unknown>>): PartialConfig {
  let config: PartialConfig = {};
  for (const { key, schema } of leavesOfKeys(configKeys)) {
    const text = args[flagOf(key)];
    if (typeof text !== "string") continue;
    const value = parseFlag(text, schema);
    if (typeof value === "string" && !takesText(value, schema)) {
      throw new Cifar5mError(
        "config/out-of-range",
        `--${flagOf(key)} must be ${describeRule(schema)}, got ${text}. Give it another value, or leave it out for its default.`,
      );
    }
    config = mergeConfigs(config, nest(key, value));
  }
  return config;
}

/**
 * A config file: JSON with the keys that `--dry-run` prints.
 * @throws Cifar5mError `config/not-json`, `disk/…`
 */
export async function readConfigFile(path: string): Promise<PartialConfig> {
  let text: string;
  try {
    text = (await readRegularFile(path)).toString("utf8");
  } catch (thrown) {
    throw diskError(thrown, "read", path);
  }
  try {
    const value: unknown = parseJson(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
    throw new Error("it is no object");
  } catch (thrown) {
    const what = messageOf(thrown);
    throw new Cifar5mError(
      "config/not-json",
      `${path} must be a JSON object: ${what}. --dry-run prints one to begin with.`,
    );
  }
}

function leavesOfKeys(configKeys: readonly string[]): ConfigLeaf[] {
  return leavesOf(configJsonSchema).filter(({ key }) =>
    configKeys.some((wanted) => key === wanted || key.startsWith(`${wanted}.`)),
  );
}
