import { Cifar5mError } from "../../core/errors.ts";
import { executionIdentity } from "../../engine/executor.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { type Identity, pinConfig, readPinnedConfig } from "../../storage/pin-config.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import {
  type Config,
  configJsonSchema,
  keysOutsideTheDataset,
  mergeConfigs,
  type PartialConfig,
  resolveConfig,
  samplerIdentity,
} from "./config.ts";
import { omitKeys } from "./config-keys.ts";
import type { RunFolder } from "./run-folder.ts";
import { planUnits, type Unit } from "./units.ts";

/** An open run: its folder, its configuration and its units. */
export interface Run {
  readonly folder: RunFolder;
  readonly config: Config;
  /** Hash of everything that determines the bytes of the data set, except for the models: each receipt names them. */
  readonly hash: string;
  readonly units: readonly Unit[];
}

/**
 * Opens a run folder for the stages that make the data set, and pins its configuration if the folder is new.
 * @throws Cifar5mError `run/config-changed`, `disk/…`
 */
export async function openRun(folder: RunFolder, config: Config): Promise<Run> {
  await requireBuildable(folder);
  const hash = await pinConfig(folder.config, datasetIdentity(config));
  for (const directory of folder.directories) await removeStaleTemporaries(directory);
  return { folder, config, hash, units: planUnits(config) };
}

/** @throws Cifar5mError `run/imported`, `run/unreadable`, `json/corrupt`, `disk/…` */
export async function requireBuildable(folder: RunFolder): Promise<void> {
  if (!isImported((await readPinnedConfig(folder.config)) ?? {})) return;
  throw new Cifar5mError(
    "run/imported",
    `${folder.root} holds an imported data set, nothing can be built in it. Name another run folder with --run.`,
  );
}

/**
 * Opens an existing run for reading. It writes nothing.
 * @throws Cifar5mError `run/missing` if nothing was pinned; `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readRun(folder: RunFolder): Promise<Run> {
  const pinned = await readPinnedConfig(folder.config);
  if (pinned === undefined) {
    throw new Cifar5mError(
      "run/missing",
      `${folder.config} must exist, and does not. Name a run folder with --run, or build one.`,
    );
  }
  if (isImported(pinned)) {
    throw new Cifar5mError(
      "run/imported",
      `${folder.root} holds an imported data set, which has no models to make anything again. To repair it, delete the damaged shards that \`cifar5m verify\` names and run \`cifar5m import --from SOURCE\` again: whole shards are kept.`,
    );
  }
  const config = resolveConfig(pinned);
  return { folder, config, hash: hashConfig(datasetIdentity(config)), units: planUnits(config) };
}

/**
 * The configuration that the run folder has pinned so far, as the base of this command's options.
 * @returns nested keys; empty for a new run
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readRunConfig(folder: RunFolder): Promise<PartialConfig> {
  const pinned = (await readPinnedConfig(folder.config)) ?? {};
  const dataset = isImported(pinned) ? keysOfImport(pinned) : pinned;
  let merged: PartialConfig = dataset;
  for (const name of ["generator", "labeler"] as const) {
    const { options, tuning } = (await readPinnedConfig(folder.modelConfig(name))) ?? {};
    if (options !== undefined) merged = mergeConfigs(merged, { [name]: knownOptions(name, options) });
    if (tuning !== undefined) merged = mergeConfigs(merged, { tuning: knownOptions("tuning", tuning) });
  }
  return merged;
}

/** Options of a training without those that only an earlier release had. Its model is still valid. */
function knownOptions(section: "generator" | "labeler" | "tuning", options: unknown): Identity {
  const { properties = {} } = configJsonSchema.properties![section]!;
  return Object.fromEntries(Object.entries(options as Identity).filter(([key]) => key in properties));
}

/** The keys that an import takes from the configuration. */
function keysOfImport(pinned: Identity): PartialConfig {
  const { import: identity } = pinned;
  const hasUnitSize = typeof identity === "object" && identity !== null && "unitSize" in identity;
  return hasUnitSize ? { unitSize: identity.unitSize } : {};
}

/** Whether the pinned configuration is that of an import instead of a build. */
export function isImported(pinned: Identity): boolean {
  return "import" in pinned;
}

/**
 * Everything that determines the bytes of the data set, given the two models: every key but `keysOutsideTheDataset`.
 */
export function datasetIdentity({ seed, engine, device, precision, sampler, ...others }: Config): Identity {
  return {
    ...executionIdentity({ seed, engine, device, precision }),
    ...omitKeys({ ...others, sampler: samplerIdentity(sampler) }, keysOutsideTheDataset),
  };
}
