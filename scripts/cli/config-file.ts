import { Cifar5mError } from "../../core/errors.ts";
import type { PartialConfig } from "../../pipeline/run/config.ts";
import { readJson } from "../../storage/read-json.ts";

const reading = {
  code: "config/not-json",
  rule: "must be a JSON object",
  advice: "--dry-run prints one to begin with.",
} as const;

/**
 * A config file: JSON with the keys that `--dry-run` prints.
 * @throws Cifar5mError `config/not-json`, `disk/…`
 */
export async function readConfigFile(path: string): Promise<PartialConfig> {
  const value = await readJson(path, reading);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new Cifar5mError(reading.code, `${path} ${reading.rule}: it is no object. ${reading.advice}`);
}
