import * as z from "zod";
import { describeIssue } from "../../core/describe-issue.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { type Identity, readPinned, requireSameIdentity, sealPinned } from "../../storage/pin-config.ts";
import { fileExists } from "../../storage/read-file.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { type Config, keysOfIdentity } from "./config.ts";
import { datasetIdentity, fixedSizeIdentity } from "./dataset-identity.ts";
import type { RunFolder } from "./run-folder.ts";
import { adviseUnfinished, describeTrained, findUnfinishedTrainings } from "./unfinished-training.ts";
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

/** What to do about a damaged file of those that a run has pinned. */
export const restoreAdvice =
  "It is damaged or was edited by hand. Run `cifar5m repair`, which restores it from the manifest, or put it back from a copy.";

/** The same of the file that says how a model was made. */
export const modelConfigAdvice =
  "It is damaged or was edited by hand. Put it back from a copy; or move it away: then the run keeps the model, and forgets how it was made.";

const sizeSchema = z.strictObject({ count: z.int().min(1), testCount: z.int().min(0) });
const stepSchema = sizeSchema.extend({ version: z.literal(1) });

/**
 * Reads what a run folder has pinned, or undefined if nothing.
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readPinnedRun(folder: RunFolder): Promise<PinnedRun | undefined> {
  const pinned = await readPinned(folder.config, restoreAdvice);
  if (pinned === undefined) return undefined;
  const { config, size } = pinned;
  if (size === undefined) return { identity: config, sizes: undefined };
  const sizes = [parseSize(sizeSchema, size, folder.config)];
  for (;;) {
    const path = folder.growth(sizes.length);
    const text = await readTextIfAny(path);
    if (text === undefined) return { identity: config, sizes };
    const { count, testCount } = parseSize(stepSchema, unsealJson(text, path, restoreAdvice), path);
    sizes.push({ count, testCount });
  }
}

/** The files that hold what a run has pinned, run.json first, then those of later sizes. */
export function pinnedFiles(
  folder: RunFolder,
  { identity, sizes: [size, ...grown] = [] }: PinnedRun,
): readonly { readonly path: string; readonly text: string }[] {
  return [
    { path: folder.config, text: sealPinned(identity, size) },
    ...grown.map(({ count, testCount }, index) => ({
      path: folder.growth(index + 1),
      text: sealJson({ version: 1, count, testCount }),
    })),
  ];
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

/** `requireSameIdentity`, whose error also has the values of keys that one of the identities leaves out. */
function requireSameKeys(path: string, pinned: Identity, identity: Identity, advice?: string): void {
  requireSameIdentity(path, keysOfIdentity(pinned), keysOfIdentity(identity), advice);
}

/** The error for a folder in which no run has begun, or in which its file was lost. */
export async function noRun(folder: RunFolder): Promise<Cifar5mError> {
  const { config, dataset, manifest } = folder;
  const [training] = await findUnfinishedTrainings(folder);
  if (training !== undefined) {
    return new Cifar5mError(
      "run/missing",
      `${config} must exist, and does not: so far the folder has an unfinished training of the ${training.name}, at ` +
        `${describeTrained(training)}. ${adviseUnfinished(training)}, then run \`cifar5m build\`.`,
    );
  }
  return new Cifar5mError(
    "run/missing",
    (await fileExists(manifest))
      ? `${config} must exist, and does not, but ${manifest} does. Run \`cifar5m repair\`, which restores the one from the ` +
          `other; of a set without its run, name the folder ${dataset}.`
      : `${config} must exist, and does not. Name the folder of a run, or begin one with \`cifar5m build\` (\`cifar5m prepare\` to go stage by stage).`,
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
