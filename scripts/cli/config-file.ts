import { Cifar5mError } from "../../core/errors.ts";
import { isObject } from "../../core/is-object.ts";
import type { PartialConfig } from "../../pipeline/run/config.ts";
import { readJson } from "../../storage/read-json.ts";

const reading = {
  code: "config/not-json",
  rule: "must be a JSON object",
  advice: "--dry-run prints one to begin with.",
} as const;

/**
 * A config file: JSON with keys of the configuration, or what `--dry-run` prints, which is a hash and those keys.
 * @throws Cifar5mError `config/not-json`, `disk/…`
 */
export async function readConfigFile(path: string): Promise<PartialConfig> {
  const value = await readJson(path, reading);
  const config = isObject(value) && "config" in value ? value["config"] : value;
  if (isObject(config)) return config;
  throw new Cifar5mError(reading.code, `${path} ${reading.rule}: it is not an object. ${reading.advice}`);
}
