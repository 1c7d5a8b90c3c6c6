import { rm } from "node:fs/promises";
import { hasCifar10Classes, imageAt } from "../../core/image-layout.ts";
import { programVersion } from "../../core/program-version.ts";
import type { Manifest } from "../../shards/index.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import type { Cifar10 } from "../cifar-10/open-cifar-10.ts";
import { readModel, readModelReceipt } from "../models/models.ts";
import type { ShardReader } from "../run/shard-reader.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import type { AuditFolder } from "./audit-folder.ts";
import type { AuditOptions } from "./audit-options.ts";
import { type Audit, auditVersion } from "./audit-report.ts";
import { classBalance } from "./class-balance.ts";
import { collectLabels, collectRows, reportedColumns } from "./collect-rows.ts";
import { decideFlags, referencesOf, testReferences } from "./decide-flags.ts";
import { duplicatesStep } from "./duplicates-step.ts";
import { type AuditedLabels, findMislabeled, summarizeLabels, testLabeler } from "./label-audit.ts";
import type { NearDuplicate } from "./near-duplicates.ts";
import { renderAudit, renderMislabeled } from "./picture.ts";
import type { AuditUnit } from "./plan-audit.ts";
import { plantCopies, plantedKinds } from "./planted-copies.ts";
import { readPictured } from "./read-pictured.ts";
import type { ReferenceSearch } from "./reference-search.ts";
import { summarizeRows } from "./summarize-rows.ts";
import { nearCopyResidual } from "./thresholds.ts";
import { writeFlags } from "./write-flags.ts";

interface ReportOptions extends AuditOptions {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly cifar10: Cifar10;
  readonly units: readonly AuditUnit[];
  readonly isSample: boolean;
  readonly files: AuditFolder;
  readonly reader: ShardReader;
  readonly search: { readonly get: () => Promise<ReferenceSearch>; readonly close: () => Promise<void> };
}

/** The steps after the search: what it is worth, near-duplicates, labels, and the report. */
export function reportSteps(options: ReportOptions): Step[] {
  const { units, isSample, numPlanted, cifar10 } = options;
  const numRows = units.reduce((sum, unit) => sum + unit.numRows, 0);
  let planted: Audit["planted"] = [];
  let duplicates: readonly NearDuplicate[] = [];
  let labels: AuditedLabels | undefined;
  let labelerOnTest: Audit["labels"]["labelerOnTest"];
  return [
    {
      name: "audit-planted",
      total: plantedKinds.length * numPlanted,
      async *run(context) {
        try {
          planted = await searchPlanted(options, context);
        } finally {
          await options.search.close();
        }
        yield planted;
      },
    },
    ...(isSample
      ? []
      : [
          duplicatesStep(options, (found) => {
            duplicates = found;
          }),
        ]),
    {
      name: "audit-labels",
      total: numRows,
      async *run(context) {
        const { signal } = context;
        const count = (images: number) => context.count("audit-labels/images", images);
        labels = await collectLabels(units, options.reader, { signal, count });
        labelerOnTest = await testRunsLabeler(options, signal);
        yield labels;
      },
    },
    {
      name: "audit",
      total: 0,
      async *run() {
        yield await writeReport(options, { planted, duplicates, labels: labels!, labelerOnTest, cifar10 });
      },
    },
  ];
}

/** Copies of CIFAR-10 train images, spread over the whole split, and how many of them the search finds. */
async function searchPlanted(options: ReportOptions, context: StageContext): Promise<Audit["planted"]> {
  const { images, labels } = options.cifar10.train;
  const numPlanted = Math.min(options.numPlanted, labels.length);
  const originals = Buffer.concat(
    Array.from({ length: numPlanted }, (_, index) => {
      const source = Math.floor((index * labels.length) / numPlanted);
      return imageAt(images, source);
    }),
  );
  const planted: Audit["planted"] = [];
  for (const kind of numPlanted === 0 ? [] : plantedKinds) {
    const search = await options.search.get();
    const { train } = await search.search(await plantCopies(originals, kind), {
      signal: context.signal,
      count: (by) => context.count("audit-planted/images", by),
    });
    const found = train.copyResidual.filter(
      (residual, row) => train.copyIndex[row]! >= 0 && residual <= nearCopyResidual,
    );
    planted.push({ kind, count: numPlanted, found: found.length });
  }
  return planted;
}

/** Tests the labeler of the run on CIFAR-10 test; undefined if there is none, or if the set has other classes. */
async function testRunsLabeler(options: ReportOptions, signal: AbortSignal) {
  const { folder, config, runtime, cifar10, manifest } = options;
  if (!hasCifar10Classes(manifest) || (await readModelReceipt(folder, "labeler")) === undefined) return undefined;
  const labeler = await runtime.openLabeler(config, await readModel(folder, "labeler"));
  try {
    return await testLabeler(labeler, cifar10.test, signal);
  } finally {
    await labeler.close();
  }
}

interface Found {
  readonly planted: Audit["planted"];
  readonly duplicates: readonly NearDuplicate[];
  readonly labels: AuditedLabels;
  readonly labelerOnTest: Audit["labels"]["labelerOnTest"];
  readonly cifar10: Cifar10;
}

async function writeReport(options: ReportOptions, found: Found): Promise<Audit> {
  const { folder, config, directory, manifest, isSample, units, files } = options;
  const { cifar10, duplicates, labels } = found;
  const rows = await collectRows(units, files, reportedColumns);
  const tests = {
    train: testReferences(referencesOf(rows, "train")),
    test: testReferences(referencesOf(rows, "test")),
  };
  const mislabeled = findMislabeled(labels);
  const flags = decideFlags(tests, duplicates, mislabeled);
  const audit: Audit = {
    version: auditVersion,
    createdBy: programVersion,
    seed: config.seed,
    dataset: {
      name: manifest.name,
      sha256: manifest.sha256,
      images: manifest.splits.train.rows + manifest.splits.test.rows,
    },
    reference: {
      name: "CIFAR-10",
      sha256: cifar10.sha256,
      train: cifar10.train.labels.length,
      test: cifar10.test.labels.length,
    },
    audited: { images: rows.id.length, isSample },
    nearCopyResidual,
    planted: found.planted,
    ...summarizeRows({ rows, tests, flags, duplicates, isSample }),
    labels: {
      ...summarizeLabels(labels, mislabeled, manifest.classNames),
      ...(found.labelerOnTest === undefined ? {} : { labelerOnTest: found.labelerOnTest }),
    },
    balance: await classBalance({ folder, manifest, labels: labels.labels, flags, isSample }),
  };
  const imageOf = await readPictured(audit, rows.id, units, directory);
  await replaceBytes(folder.audit.picture, await renderAudit(audit, cifar10, imageOf));
  const mislabeledPicture = await renderMislabeled(audit, imageOf);
  if (mislabeledPicture === undefined) await rm(folder.audit.labels, { force: true });
  else await replaceBytes(folder.audit.labels, mislabeledPicture);
  // Loaders refuse the flags of a sample, which must not replace those of an audit of all images.
  if (!isSample) await writeFlags({ directory, manifest, rows, flags, duplicates });
  await replaceBytes(folder.audit.json, sealJson(audit));
  return audit;
}
