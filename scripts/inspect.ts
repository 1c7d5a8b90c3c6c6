import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { writeContactSheet } from "../pipeline/inspect/contact-sheet.ts";
import { inspectRun, isRun, type RunState } from "../pipeline/inspect/inspect.ts";
import type { RunFolder } from "../pipeline/run/run-folder.ts";
import { readManifestIfAny } from "../shards/format/manifest-file.ts";
import { type Manifest, openDataset } from "../shards/index.ts";
import { absolutePath } from "../storage/join-path.ts";
import { hideSecrets, parseLocation } from "../storage/parse-location.ts";
import { defineCommand } from "./cli/command.ts";
import { printJson, printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { summarizeDataset, summarizeRun } from "./cli/summarize.ts";

const sha256 = z.string();
const rows = z.int();

const report = z.strictObject({
  location: z.string().describe("what was looked at"),
  config: z
    .strictObject({ hash: sha256, seed: z.int() })
    .nullable()
    .describe("hash and seed of what the run is made from; null for a set that no run here made"),
  imported: z
    .strictObject({ format: z.string(), sourceSha256: sha256, hash: sha256 })
    .nullable()
    .describe("format, sourceSha256 and hash of an imported set"),
  hasCifar10: z.boolean().describe("whether the run has CIFAR-10"),
  models: z
    .record(z.string(), z.strictObject({ sha256, bytes: z.int() }))
    .describe("sha256 and bytes of generator and labeler, as far as they are there"),
  stages: z
    .array(z.strictObject({ name: z.string(), numDone: rows, numUnits: rows, rows, bytes: rows }))
    .describe("name, numDone, numUnits, rows and bytes of each stage, in the order of the data"),
  removals: z.record(z.string(), rows).describe("removed samples by reason"),
  dataset: z
    .strictObject({ name: z.string(), sha256, train: rows, test: rows, classCounts: z.record(z.string(), rows) })
    .nullable()
    .describe("name, sha256, images of train and test, and classCounts of both; null until it is published"),
  contactSheet: z.string().nullable().describe("path of the picture"),
});

export const inspectCommand = defineCommand({
  words: ["inspect"],
  describe: "print what a run or a data set holds, draw a contact sheet",
  examples: [
    { line: "cifar5m inspect runs/mine", effect: "a run, finished or not" },
    { line: "cifar5m inspect s3://bucket/set", effect: "a data set elsewhere, without the picture" },
    { line: "cifar5m inspect runs/mine --json", effect: "the same for programs" },
  ],
  target: "location",
  checksConfig: true,
  report,
  finish: async ({ root, folder, json, reporter }) => {
    const found = await look(root, folder);
    const { location, state, dataset } = found;
    const contactSheet = await drawSheetOf(found).catch((thrown) => {
      // It may lie where nothing can be written.
      if (!isDiskError(thrown)) throw thrown;
      reporter.line(`no contact sheet: ${thrown.message}`);
      return undefined;
    });
    if (json) return printJson(reportOf(location, state, dataset?.manifest, contactSheet));
    printLines(...(state === undefined ? summarizeDataset(dataset?.manifest) : summarizeRun(state)));
    if (contactSheet !== undefined) printLines(`contact sheet: ${contactSheet}`);
  },
});

/** What was found: a run, or a data set without one. */
interface Found {
  readonly location: string;
  readonly state?: RunState;
  readonly dataset?: { readonly directory: string; readonly manifest: Manifest };
  /** Where a contact sheet may be drawn. */
  readonly sheet?: string;
}

async function look(root: string, folder: RunFolder): Promise<Found> {
  if (parseLocation(root).kind !== "folder") {
    const dataset = await openDataset(root);
    dataset.close();
    return { location: hideSecrets(root), dataset: { directory: root, manifest: dataset.manifest } };
  }
  const state = await inspectRun(folder);
  if (isRun(state)) {
    const dataset = state.manifest === undefined ? {} : datasetOf(folder.dataset, state.manifest);
    return { location: root, state, sheet: folder.contactSheet, ...dataset };
  }
  const manifest = await readManifestIfAny(root);
  if (manifest !== undefined) return { location: root, sheet: folder.contactSheet, ...datasetOf(root, manifest) };
  throw new Cifar5mError(
    "run/missing",
    `${root} must be a run folder with something in it, or a data set folder, and is not. Name one, or build one with \`cifar5m build\`.`,
  );
}

function datasetOf(directory: string, manifest: Manifest): Pick<Found, "dataset"> {
  return { dataset: { directory, manifest } };
}

/** @returns the path of the picture; undefined where none may be drawn */
async function drawSheetOf({ dataset, sheet }: Found): Promise<string | undefined> {
  return dataset === undefined || sheet === undefined ? undefined : await drawSheet(dataset, sheet);
}

function isDiskError(thrown: unknown): thrown is Cifar5mError {
  return thrown instanceof Cifar5mError && thrown.code.startsWith("disk/");
}

/** @returns the path of the picture */
async function drawSheet(dataset: NonNullable<Found["dataset"]>, path: string): Promise<string> {
  await writeContactSheet({ ...dataset, path });
  return absolutePath(path);
}

function reportOf(
  location: string,
  state: RunState | undefined,
  manifest: Manifest | undefined,
  contactSheet: string | undefined,
): z.output<typeof report> {
  const { run, imported, hasCifar10 = false, models = {}, stages = [], removals } = state ?? {};
  const source = imported?.identity.import;
  return {
    location,
    config: run === undefined ? null : { hash: run.hash, seed: run.config.seed },
    imported:
      imported === undefined || source === undefined
        ? null
        : { format: source.format, sourceSha256: source.sourceSha256, hash: imported.hash },
    hasCifar10,
    models: Object.fromEntries(
      Object.entries(models).map(([name, { sha256: hash, bytes }]) => [name, { sha256: hash, bytes }]),
    ),
    stages: stages.map((stage) => ({ ...stage })),
    removals: removals ?? manifest?.removals ?? {},
    dataset: manifest === undefined ? null : describeDataset(manifest),
    contactSheet: contactSheet ?? null,
  };
}

function describeDataset({ name, sha256: hash, splits, classNames }: Manifest) {
  const { train, test } = splits;
  const counts = classNames.map((className, label) => [
    className,
    train.classCounts[label]! + test.classCounts[label]!,
  ]);
  return { name, sha256: hash, train: train.rows, test: test.rows, classCounts: Object.fromEntries(counts) };
}

/** Draws the contact sheet of a run with a published data set and prints its path. */
export async function printContactSheet(folder: RunFolder): Promise<void> {
  const manifest = await readManifestIfAny(folder.dataset);
  if (manifest === undefined) return;
  const path = await drawSheet({ directory: folder.dataset, manifest }, folder.contactSheet);
  printLines(`contact sheet: ${path}`);
}

await runIfMain(import.meta.url, inspectCommand);
