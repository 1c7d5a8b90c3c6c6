import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { formatCount } from "../../core/format.ts";
import { maxFlagRows } from "../../shards/format/flags.ts";
import type { Manifest } from "../../shards/index.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { openCifar10 } from "../cifar-10/open-cifar-10.ts";
import { findDataset } from "../run/find-dataset.ts";
import { openShardReader } from "../run/shard-reader.ts";
import { openOnce } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { auditFolder } from "./audit-folder.ts";
import type { AuditOptions } from "./audit-options.ts";
import { planAudit } from "./plan-audit.ts";
import { buildReferenceIndex } from "./reference-index.ts";
import { openReferenceSearch } from "./reference-search.ts";
import { reportSteps } from "./report-steps.ts";
import { searchStep } from "./search-step.ts";

/** What changes the tables of units: a change of the method gets another number. */
const methodVersion = 2;

/**
 * The steps that audit a data set. The last one writes audit.json and audit.png into its folder, and flags.arrow with
 * flags.json beside the manifest.
 * @throws Cifar5mError `manifest/…`, `audit/empty`, `audit/too-many-images`, `run/data-missing`, `cifar10/…`, `disk/…`, before any work
 */
export async function auditSteps(options: AuditOptions): Promise<readonly Step[]> {
  const { folder, config, data, sample } = options;
  const { directory, manifest } = await findDataset(folder.root);
  const units = planAudit(manifest, sample, config.seed);
  if (units.length === 0) {
    throw new Cifar5mError("audit/empty", `${directory} must hold images, and does not. Publish some first.`);
  }
  const isSample = units.some(({ rows }) => rows !== undefined);
  if (!isSample) requireFlaggable(directory, manifest);
  const cifar10 = await openCifar10({ folder, data, recordsPerFile: config.recordsPerFile });
  const identity = {
    methodVersion,
    dataset: manifest.sha256,
    reference: cifar10.sha256,
    rows: isSample ? { sample, seed: config.seed } : "all",
  };
  const files = auditFolder(join(folder.root, "audit"), hashConfig(identity));
  const reader = await openShardReader(folder.root);
  const search = openOnce(async () =>
    openReferenceSearch(await buildReferenceIndex(cifar10.train.images, cifar10.test.images)),
  );
  const common = { ...options, directory, manifest, cifar10, units, isSample, files, reader, search };
  return [searchStep({ reader, units, folder: files, search: search.get }), ...reportSteps(common)];
}

/** @throws Cifar5mError `audit/too-many-images` if no reader would take the flags of a set */
function requireFlaggable(directory: string, { splits }: Manifest): void {
  const numRows = splits.train.rows + splits.test.rows;
  if (numRows <= maxFlagRows) return;
  throw new Cifar5mError(
    "audit/too-many-images",
    `a table of flags covers ${formatCount(maxFlagRows)} images at most, and ${directory} holds ${formatCount(numRows)}. ` +
      "Audit a part of them with --sample, which writes a report and no flags.",
  );
}
