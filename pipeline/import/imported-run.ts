import * as z from "zod";
import { describeIssue } from "../../core/describe-issue.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { readPinnedConfig } from "../../storage/pin-config.ts";
import { sha256Text } from "../../storage/record-schema.ts";
import { restoreAdvice } from "../run/pinned-run.ts";
import { requireNoDataset } from "../run/require-no-dataset.ts";
import { isImported } from "../run/run.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { planFixedUnits, type Unit } from "../run/units.ts";
import { importFormats } from "./import-source.ts";

/** Origin of the columns that a labeled set from elsewhere lacks. Every manifest holds it. */
export const importedColumns = {
  id: "row of the source, train before test",
  class: "-1: no generator was asked for anything",
  probabilities: "1 for the label, 0 for all others: the source has no probabilities",
  confidence: "1, the probability of the label",
} as const;

const identitySchema = z.strictObject({
  import: z.strictObject({
    format: z.enum(importFormats),
    /** sha256 of all labels and pixels, independent of their packaging. */
    sourceSha256: sha256Text,
    classNames: z.array(z.string().min(1)),
    count: z.int().min(1),
    testCount: z.int().min(0),
    unitSize: z.int().min(1),
    /** Whether pictures were scaled to 32×32. */
    resize: z.boolean(),
    columns: z.record(z.string(), z.string()),
  }),
});

/** Everything that determines the bytes of an imported set. Its run.json and its manifest hold it. */
export type ImportIdentity = Readonly<z.infer<typeof identitySchema>>;

/** What was imported, if a configuration says so: that of a run, or of a manifest. */
export function parseImportIdentity(config: unknown): ImportIdentity | undefined {
  return identitySchema.safeParse(config).data;
}

/** A run whose data set was imported. It has no models, and one stage. */
export interface ImportedRun {
  readonly folder: RunFolder;
  readonly identity: ImportIdentity;
  readonly hash: string;
  readonly units: readonly Unit[];
}

/** The run in a folder that an import with this identity makes. Nothing is read or written. */
export function importedRunIn(folder: RunFolder, identity: ImportIdentity): ImportedRun {
  return { folder, identity, hash: hashConfig(identity), units: planFixedUnits(identity.import) };
}

/**
 * Refuses a run that was built: nothing can be imported into it.
 * @throws Cifar5mError `run/config-changed`, `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function requireImportable(folder: RunFolder): Promise<void> {
  await requireNoDataset(folder);
  const pinned = await readPinnedConfig(folder.config, restoreAdvice);
  if (pinned === undefined || isImported(pinned)) return;
  throw new Cifar5mError(
    "run/config-changed",
    `${folder.root} holds a run that was built, nothing can be imported into it. Name another run folder with --run.`,
  );
}

/**
 * The imported run in a folder, or undefined if there is none, or one that was built.
 * @throws Cifar5mError `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function readImportedRun(folder: RunFolder): Promise<ImportedRun | undefined> {
  const path = folder.config;
  const pinned = await readPinnedConfig(path, restoreAdvice);
  if (pinned === undefined || !isImported(pinned)) return undefined;
  const parsed = identitySchema.safeParse(pinned);
  if (parsed.success) return importedRunIn(folder, parsed.data);
  throw new Cifar5mError(
    "run/unreadable",
    `${path} must describe an import, and does not: ${describeIssue(parsed.error, identitySchema, pinned)}. Use the cifar5m that wrote it.`,
  );
}
