import * as z from "zod";
import { describeIssue } from "../../core/describe-issue.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { hashConfig, sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { commitBytes } from "../../storage/commit.ts";
import { type Identity, readPinned, requireSameIdentity, sizedVersion } from "../../storage/pin-config.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { type Config, keysOfIdentity } from "./config.ts";
import { datasetIdentity, fixedSizeIdentity } from "./dataset-identity.ts";
import type { RunFolder } from "./run-folder.ts";
import type { SetSize } from "./units.ts";

/** What a run folder has pinned. */
export interface PinnedRun {
  /** What the hash of the run is made of. */
  readonly identity: Identity;
  /**
   * The sizes that the set has had, oldest first. Undefined for a set that cannot grow: its size is in the identity, and
   * its test ids follow its train ids, because an earlier release began it.
   */
  readonly sizes: readonly SetSize[] | undefined;
}

const sizeSchema = z.strictObject({ count: z.int().min(1), testCount: z.int().min(0) });
const stepSchema = sizeSchema.extend({ version: z.literal(1) });

/**
 * Reads what a run folder has pinned, or undefined if nothing.
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readPinnedRun(folder: RunFolder): Promise<PinnedRun | undefined> {
  const pinned = await readPinned(folder.config);
  if (pinned === undefined) return undefined;
  const { config, size } = pinned;
  if (size === undefined) return { identity: config, sizes: undefined };
  const sizes = [parseSize(sizeSchema, size, folder.config)];
  for (;;) {
    const path = folder.growth(sizes.length);
    const text = await readTextIfAny(path);
    if (text === undefined) return { identity: config, sizes };
    const { count, testCount } = parseSize(stepSchema, unsealJson(text, path), path);
    sizes.push({ count, testCount });
  }
}

/**
 * Checks that a configuration is that of a run, of its newest size.
 * @throws Cifar5mError `run/config-changed` if it is another
 */
export function requireEqualRun(folder: RunFolder, pinned: PinnedRun, config: Config): void {
  const size = pinned.sizes?.at(-1);
  if (size === undefined) {
    requireSameRun(folder, pinned, config);
    return;
  }
  const { count, testCount } = config;
  requireSameKeys(folder.config, { ...pinned.identity, ...size }, { ...datasetIdentity(config), count, testCount });
}

/**
 * Checks that a run can go on with a configuration, as it is or by growing. It writes nothing.
 * @throws Cifar5mError `run/config-changed` if anything but the size differs, or if a split would shrink
 */
export function requireSameRun(folder: RunFolder, { identity, sizes }: PinnedRun, config: Config): void {
  if (sizes === undefined) {
    const advice =
      "Leave these options out to go on as before, or name a new run folder with --run: an earlier release began this one, so it cannot grow.";
    const isSize = config.count !== identity["count"] || config.testCount !== identity["testCount"];
    requireSameKeys(folder.config, identity, fixedSizeIdentity(config), isSize ? advice : undefined);
    return;
  }
  requireSameKeys(folder.config, identity, datasetIdentity(config));
  const size = sizes.at(-1)!;
  const shrunk = (["count", "testCount"] as const).filter((key) => config[key] < size[key]);
  if (shrunk.length === 0) return;
  const seen = shrunk.map((key) => `${key} is ${size[key]}, now ${config[key]}`).join("; ");
  throw new Cifar5mError(
    "run/config-changed",
    `${folder.root} can grow but not shrink: ${seen}. Leave it out to go on as before, or name a new run folder with --run.`,
  );
}

/**
 * Whether `pinRun` would write something: the folder is new, or the run is to grow.
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function isToPin(folder: RunFolder, { count, testCount }: Config): Promise<boolean> {
  const pinned = await readPinnedRun(folder);
  if (pinned === undefined) return true;
  const size = pinned.sizes?.at(-1);
  return size !== undefined && (size.count !== count || size.testCount !== testCount);
}

/**
 * Pins a new run, or checks the one that is pinned and lets it grow. Each size is a file of its own that is written
 * once, so of workers that ask for unlike sizes at the same time one comes first, and the other grows from there or is
 * refused.
 * @param mayGrow - false for stages that make no images: they pin nothing
 * @throws Cifar5mError `run/config-changed`, `run/missing`, `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function pinRun(folder: RunFolder, config: Config, mayGrow: boolean): Promise<PinnedRun> {
  const { count, testCount } = config;
  for (;;) {
    const pinned = await readPinnedRun(folder);
    if (pinned === undefined) {
      if (!mayGrow) throw noRun(folder);
      const identity = datasetIdentity(config);
      const size = { count, testCount };
      await commitBytes(
        folder.config,
        sealJson({ version: sizedVersion, hash: hashConfig(identity), config: identity, size }),
      );
      continue;
    }
    requireSameRun(folder, pinned, config);
    const size = pinned.sizes?.at(-1);
    if (size === undefined || (size.count === count && size.testCount === testCount)) return pinned;
    if (!mayGrow) {
      throw new Cifar5mError(
        "run/config-changed",
        `${folder.root} has ${size.count} + ${size.testCount} images, not ${count} + ${testCount}: let it grow by \`cifar5m build\` or \`cifar5m sample\` first.`,
      );
    }
    await commitBytes(folder.growth(pinned.sizes!.length), sealJson({ version: 1, count, testCount }));
  }
}

/** `requireSameIdentity`, whose error also has the values of keys that one of the identities leaves out. */
function requireSameKeys(path: string, pinned: Identity, identity: Identity, advice?: string): void {
  requireSameIdentity(path, keysOfIdentity(pinned), keysOfIdentity(identity), advice);
}

/** The error for a folder in which no run has begun. */
export function noRun(folder: RunFolder): Cifar5mError {
  return new Cifar5mError(
    "run/missing",
    `${folder.config} must exist, and does not. Name the folder of a run, or begin one with \`cifar5m build\` (\`cifar5m prepare\` to go stage by stage).`,
  );
}

function parseSize(schema: typeof sizeSchema | typeof stepSchema, value: unknown, path: string): SetSize {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Cifar5mError(
    "run/unreadable",
    `${path}: ${describeIssue(parsed.error, schema, value)}. Use the cifar5m that wrote it.`,
  );
}
