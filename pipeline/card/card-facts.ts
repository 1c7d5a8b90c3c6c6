import { type Manifest, manifestName } from "../../shards/format/manifest.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { joinPath } from "../../storage/join-path.ts";
import { readPinnedConfig } from "../../storage/pin-config.ts";
import { readUndamaged } from "../../storage/receipt.ts";
import { type Audit, readAudit } from "../audit/audit-report.ts";
import { type ImportIdentity, parseImportIdentity } from "../import/imported-run.ts";
import { type Config, keysOfIdentity, resolveConfig } from "../run/config.ts";
import { datasetIdentity, fixedSizeIdentity } from "../run/dataset-identity.ts";
import { type RunFolder, runFolderAt } from "../run/run-folder.ts";
import { readScore, type Score } from "../score/score.ts";
import { type CardOptions, readCardOptions } from "./card-options.ts";
import { type Measured, readMeasured } from "./measured.ts";
import { findModelOrigin, type ModelOrigin } from "./model-origin.ts";

/** How a set came into being. */
export type SetOrigin =
  | {
      readonly kind: "generated";
      readonly config: Config;
      readonly models: { readonly generator: ModelOrigin; readonly labeler: ModelOrigin };
    }
  | { readonly kind: "imported"; readonly identity: ImportIdentity["import"] }
  /** By `writeDataset`, or by a program that this one does not know. */
  | { readonly kind: "written" };

/** Everything that a card says, before it is worded. */
export interface CardFacts {
  readonly manifest: Manifest;
  readonly options: CardOptions;
  readonly origin: SetOrigin;
  readonly score: Measured<Score>;
  readonly audit: Measured<Audit>;
  /** Day of the manifest file, as `2026-11-28`; undefined for a set that is not on this disk. */
  readonly published: string | undefined;
}

/**
 * Gathers the facts of a card.
 * @param options.root - the run folder, or the folder of a data set without a run; undefined for a set elsewhere
 * @param options.directory - the data set folder, in the same cases
 * @throws Cifar5mError `card/…`, `disk/…`. Damaged scores, audits and runs do not throw: the card says so
 */
export async function gatherCardFacts(options: {
  readonly manifest: Manifest;
  readonly root?: string | undefined;
  readonly directory?: string | undefined;
}): Promise<CardFacts> {
  const { manifest, root, directory } = options;
  const folder = root === undefined ? undefined : runFolderAt(root);
  const measured = async <Value extends Score | Audit>(
    read: (folder: RunFolder) => Promise<Value | undefined>,
  ): Promise<Measured<Value>> =>
    folder === undefined ? { kind: "none" } : await readMeasured(() => read(folder), manifest.sha256);
  return {
    manifest,
    options: root === undefined ? {} : await readCardOptions(root),
    origin: await findOrigin(manifest, folder),
    score: await measured(({ score }) => readScore(score.json)),
    audit: await measured(({ audit }) => readAudit(audit.json)),
    published: directory === undefined ? undefined : await dayOf(joinPath(directory, manifestName)),
  };
}

async function dayOf(path: string): Promise<string | undefined> {
  const found = await readFileFactsIfAny(path).catch(() => undefined);
  return found === undefined ? undefined : new Date(found.modifiedMs).toISOString().slice(0, 10);
}

async function findOrigin(manifest: Manifest, folder: RunFolder | undefined): Promise<SetOrigin> {
  const imported = parseImportIdentity(manifest.config);
  if (imported !== undefined) return { kind: "imported", identity: imported.import };
  const config = readConfig(manifest);
  const { generator, labeler } = manifest.models;
  if (config === undefined || generator === undefined || labeler === undefined) return { kind: "written" };
  const run = folder !== undefined && (await isRunOf(folder, manifest)) ? folder : undefined;
  return {
    kind: "generated",
    config,
    models: {
      generator: await findModelOrigin("generator", generator, config, run),
      labeler: await findModelOrigin("labeler", labeler, config, run),
    },
  };
}

/** The configuration of a build; undefined if the set was made in another way, or does not follow from it. */
function readConfig({ config, configHash }: Manifest): Config | undefined {
  try {
    const { testIdStart, ...keys } = config;
    const resolved = resolveConfig(keysOfIdentity(keys));
    const identity = testIdStart === undefined ? fixedSizeIdentity(resolved) : datasetIdentity(resolved);
    return hashConfig(identity) === configHash ? resolved : undefined;
  } catch {
    return undefined;
  }
}

async function isRunOf(folder: RunFolder, { configHash }: Manifest): Promise<boolean> {
  const pinned = await readUndamaged(() => readPinnedConfig(folder.config));
  return pinned !== undefined && hashConfig(pinned) === configHash;
}
