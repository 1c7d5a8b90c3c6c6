import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "./config.ts";
import type { ModelName } from "./run-folder.ts";

/** The path of a file in the package's `weights/`, whether this code runs compiled from `dist/` or from source. */
export function shippedFile(name: string): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "package.json")) && dirname(directory) !== directory)
    directory = dirname(directory);
  return join(directory, "weights", name);
}

/** All weights of a model that the package has. */
export function shippedModels(name: ModelName): readonly string[] {
  // The judge of scores was the labeler of earlier releases, and is in their runs.
  const files = name === "labeler" ? ["labeler", "judge"] : ["generator", "tuned"];
  return files.map((file) => shippedFile(`${file}.safetensors`));
}

/** The shipped weights of a model. If the sampler makes few calls, they are the weights tuned for that. */
export function shippedModel(name: ModelName, { sampler }: Pick<Config, "sampler">): string {
  const isTuned = name === "generator" && sampler.name === "consistency";
  return shippedFile(`${isTuned ? "tuned" : name}.safetensors`);
}
