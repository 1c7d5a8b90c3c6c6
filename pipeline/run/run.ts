import { describeIssue } from "../../core/describe-issue.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { type Identity, readPinnedConfig } from "../../storage/pin-config.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import {
  type Config,
  configJsonSchema,
  keysOfIdentity,
  mergeConfigs,
  type PartialConfig,
  resolveConfig,
  resolvedSchema,
  type TrainingSection,
  tuningSections,
} from "./config.ts";
import { datasetIdentity, fixedSizeIdentity } from "./dataset-identity.ts";
import { requireNoLostRun } from "./find-lost-run.ts";
import { pinRun } from "./pin-run.ts";
import {
  modelConfigAdvice,
  noRun,
  type PinnedRun,
  readPinnedRun,
  requireSameRun,
  restoreAdvice,
} from "./pinned-run.ts";
import { requireNoDataset } from "./require-no-dataset.ts";
import type { RunFolder } from "./run-folder.ts";
import { planFixedUnits, planUnits, requirePlannable, type SetSize, type Unit } from "./units.ts";

/** An open run: its folder, its configuration and its units. */
export interface Run {
  readonly folder: RunFolder;
  readonly config: Config;
  /** Everything that determines the bytes of the data set, except for the models: each receipt names them. */
  readonly identity: Identity;
  /** Hash of the identity. */
  readonly hash: string;
  /** The sizes that the set has had, oldest first. */
  readonly sizes: readonly SetSize[];
  /** Whether the set may grow. Test images of one that may not follow the train images, in ids and in precedence. */
  readonly canGrow: boolean;
  readonly units: readonly Unit[];
}

/**
 * Opens a run folder for the stages that make the data set.
 * @param worker - clean: whether to remove what killed writers left; one of several workers suffices. mayGrow: whether to
 *   pin the configuration if the folder is new, and the size if it has grown
 * @throws Cifar5mError `run/config-changed`, `disk/…`; `run/missing` for a new folder that is not to be pinned
 */
export async function openRun(
  folder: RunFolder,
  config: Config,
  worker: { readonly clean?: boolean; readonly mayGrow?: boolean } = {},
): Promise<Run> {
  const { clean = true, mayGrow = true } = worker;
  requirePlannable(config, config.unitSize);
  await requireBuildable(folder);
  const run = makeRun(folder, config, await pinRun(folder, config, mayGrow));
  if (clean) await cleanRun(run);
  return run;
}

/** Refuses a configuration that a run cannot go on with. It writes nothing. @throws as `openRun` */
export async function requireOpenable(folder: RunFolder, config: Config): Promise<void> {
  requirePlannable(config, config.unitSize);
  await requireBuildable(folder);
  const pinned = await readPinnedRun(folder);
  if (pinned !== undefined) requireSameRun(folder, pinned, config);
  else {
    const { count, testCount } = config;
    await requireNoLostRun(folder, { identity: datasetIdentity(config), sizes: [{ count, testCount }] });
  }
}

/**
 * The units that a run has, or will have when it is opened with a configuration. It writes nothing.
 * @throws Cifar5mError `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function plannedUnits(folder: RunFolder, config: Config): Promise<readonly Unit[]> {
  const pinned = await readPinnedRun(folder);
  if (pinned !== undefined && pinned.sizes === undefined) return planFixedUnits(config);
  const { count, testCount, unitSize } = config;
  return planUnits([...(pinned?.sizes ?? []), { count, testCount }], unitSize);
}

/**
 * What the hash of a run is made of, or will be when it is pinned with a configuration. It writes nothing.
 * @throws Cifar5mError `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function plannedIdentity(folder: RunFolder, config: Config): Promise<Identity> {
  const pinned = await readPinnedRun(folder);
  const isFixed = pinned !== undefined && pinned.sizes === undefined && !isImported(pinned.identity);
  return isFixed ? fixedSizeIdentity(config) : datasetIdentity(config);
}

function makeRun(folder: RunFolder, config: Config, { identity, sizes }: PinnedRun): Run {
  const hash = hashConfig(identity);
  const { count, testCount, unitSize } = config;
  const common = { folder, config, identity, hash };
  if (sizes !== undefined) return { ...common, sizes, canGrow: true, units: planUnits(sizes, unitSize) };
  return { ...common, sizes: [{ count, testCount }], canGrow: false, units: planFixedUnits(config) };
}

/** The run as it was at one of its sizes, newest by default. */
export function runAtSize(run: Run, numSizes: number): Run {
  const sizes = run.sizes.slice(0, numSizes);
  if (sizes.length === run.sizes.length) return run;
  const config = { ...run.config, ...sizes.at(-1)! };
  return { ...run, config, sizes, units: planUnits(sizes, config.unitSize) };
}

/** Folders that this process has cleaned. Once is enough: what it leaves itself, it removes. */
const cleaned = new Set<string>();

/** Removes the temporary files that killed writers left. @throws Cifar5mError `disk/…` */
export async function cleanRun({ folder, units }: Pick<Run, "folder" | "units">): Promise<void> {
  const inner = new Set(units.map(({ name }) => name.split("/").slice(0, -1).join("/")));
  for (const directory of [...folder.directories, ...[...inner].flatMap((name) => folder.subfolders(name))]) {
    if (cleaned.has(directory)) continue;
    await removeStaleTemporaries(directory);
    cleaned.add(directory);
  }
}

/** @throws Cifar5mError `run/is-dataset`, `run/imported`, `run/unreadable`, `json/corrupt`, `disk/…` */
export async function requireBuildable(folder: RunFolder): Promise<void> {
  await requireNoDataset(folder);
  if (!isImported((await readPinnedConfig(folder.config, restoreAdvice)) ?? {})) return;
  throw new Cifar5mError(
    "run/imported",
    `${folder.root} must be a run folder to build in, and holds an imported data set. Name another run folder with --run.`,
  );
}

/**
 * Opens an existing run for reading. It writes nothing.
 * @throws Cifar5mError `run/missing` if nothing was pinned; `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readRun(folder: RunFolder): Promise<Run> {
  const pinned = await readPinnedRun(folder);
  if (pinned === undefined) throw await noRun(folder);
  if (isImported(pinned.identity)) {
    throw new Cifar5mError(
      "run/imported",
      `${folder.root} must be a run that makes its images, and holds an imported data set. \`cifar5m verify\` checks that. To replace damaged shards, move those it names away and run \`cifar5m import --from SOURCE\` again: whole shards are kept.`,
    );
  }
  return makeRun(folder, resolveConfig(pinnedKeys(folder, pinned)), pinned);
}

/**
 * The configuration that the run folder has pinned so far, as the base of this command's options.
 * @returns nested keys; empty for a new run
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readRunConfig(folder: RunFolder): Promise<PartialConfig> {
  const pinned = await readPinnedRun(folder);
  let merged: PartialConfig =
    pinned === undefined
      ? {}
      : isImported(pinned.identity)
        ? keysOfImport(pinned.identity)
        : pinnedKeys(folder, pinned);
  for (const name of ["generator", "labeler"] as const) {
    const pinnedModel = (await readPinnedConfig(folder.modelConfig(name), modelConfigAdvice)) ?? {};
    for (const section of [name, ...Object.values(tuningSections)]) {
      const options = pinnedModel[section === name ? "options" : section];
      if (options !== undefined) merged = mergeConfigs(merged, { [section]: knownOptions(section, options) });
    }
  }
  return merged;
}

/**
 * The keys of the configuration that a run has pinned, with its newest size.
 * @throws Cifar5mError `run/unreadable` for keys or values of another release
 */
function pinnedKeys(folder: RunFolder, { identity, sizes }: PinnedRun): PartialConfig {
  const { testIdStart: _, ...pinned } = identity;
  const keys = { ...keysOfIdentity(pinned), ...sizes?.at(-1) };
  const parsed = resolvedSchema.safeParse(keys);
  if (parsed.success) return keys;
  throw new Cifar5mError(
    "run/unreadable",
    `${folder.config}: ${describeIssue(parsed.error, resolvedSchema, keys)}. Use the cifar5m that wrote it.`,
  );
}

/** Options of a training without those that only an earlier release had. Its model is still valid. */
function knownOptions(section: TrainingSection, options: unknown): Identity {
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
