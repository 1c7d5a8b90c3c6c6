import pLimit from "p-limit";
import { BuilderError } from "../core/errors.ts";
import {
  type DatasetProblem,
  hashFile,
  type Manifest,
  type Receipt,
  readReceiptIfAny,
  verifyDataset,
} from "../shards/index.ts";
import { readImportedRun } from "./import/imported-run.ts";
import { trainingStageOf } from "./models.ts";
import { fileExists } from "./read-file.ts";
import { type Run, readRun } from "./run.ts";
import type { ReceiptStage } from "./run-folder.ts";
import type { StageContext } from "./stage.ts";
import type { Step } from "./steps.ts";
import { type Unit, unitName } from "./units.ts";

/** Files hashed at once. */
const numReaders = 4;

/**
 * Checks a finished run: its data set, and every receipt against its file and against the run's configuration.
 * Intermediate files may have been deleted to save space; those that are there must be whole.
 * @returns every problem found
 * @throws BuilderError `run/missing` if there is no run; what reading run.json throws
 */
export async function verifyRun(root: string, context: Pick<StageContext, "signal">): Promise<DatasetProblem[]> {
  const imported = await readImportedRun(root);
  const run: VerifiedRun = imported ?? (await readRun(root));
  const models = imported === undefined ? (["generator", "labeler"] as const) : [];
  const stagesOf = imported === undefined ? unitFiles : importedFiles;
  const report = await verifyDataset(run.folder.dataset, { onProgress: () => context.signal.throwIfAborted() });
  const limit = pLimit(numReaders);
  const checks = [
    ...models.map((name) => () => checkModel(run, name)),
    ...run.units.flatMap((unit) =>
      stagesOf(run, unit).map(
        ([stage, path]) =>
          () =>
            checkUnit({ run, unit, stage, path, manifest: report.manifest }),
      ),
    ),
  ];
  const found = await limit.map(checks, async (check) => {
    context.signal.throwIfAborted();
    return await check().catch((thrown: unknown) => {
      if (!(thrown instanceof BuilderError)) throw thrown;
      return [{ file: root, code: thrown.code, message: thrown.message }];
    });
  });
  return [...report.problems, ...found.flat()];
}

/** `verifyRun` as the last step of a build: the first problem stops it. */
export function verifyStep(options: { readonly root: string }): Step {
  return {
    name: "verify",
    total: 0,
    async *run(context) {
      const [first, ...others] = await verifyRun(options.root, context);
      if (first !== undefined) {
        const more = others.length === 0 ? "" : ` (And ${others.length} more: run \`cifar5m verify\`.)`;
        throw new BuilderError(first.code, first.message + more);
      }
      yield "verified";
    },
  };
}

/** Built or imported. */
type VerifiedRun = Pick<Run, "folder" | "hash" | "units">;

function importedFiles(run: VerifiedRun, unit: Unit): [ReceiptStage, string][] {
  return [["import", run.folder.shard(unit)]];
}

function unitFiles(run: VerifiedRun, unit: Unit): [ReceiptStage, string][] {
  const { folder } = run;
  return [
    ["sample", folder.samples(unit)],
    ["label", folder.probabilities(unit)],
    ["fingerprint", folder.fingerprints(unit)],
    ["dedup", folder.removals(unit)],
    ["publish", folder.shard(unit)],
  ];
}

async function checkModel(run: VerifiedRun, name: "generator" | "labeler"): Promise<DatasetProblem[]> {
  const receiptPath = run.folder.receipt(trainingStageOf(name), name);
  const receipt = await readReceiptIfAny(receiptPath);
  if (receipt === undefined) return [missing(receiptPath)];
  return await checkFile(run.folder.model(name), receipt, true);
}

async function checkUnit(options: {
  readonly run: VerifiedRun;
  readonly unit: Unit;
  readonly stage: ReceiptStage;
  readonly path: string;
  readonly manifest: Manifest | undefined;
}): Promise<DatasetProblem[]> {
  const { run, unit, stage, path, manifest } = options;
  const receiptPath = run.folder.receipt(stage, unitName(unit));
  const receipt = await readReceiptIfAny(receiptPath);
  if (receipt === undefined) return [missing(receiptPath)];
  const problems: DatasetProblem[] = [];
  const report = (what: string) =>
    problems.push({ file: receiptPath, code: "receipt/mismatch", message: `${receiptPath} ${what}` });
  if (receipt.configHash !== run.hash)
    report(`has another config hash than ${run.folder.config}. Start a new run folder.`);
  if (receipt.idStart !== unit.idStart || receipt.idEnd !== unit.idEnd) {
    report(
      `is of ids ${receipt.idStart} to ${receipt.idEnd}, its unit has ${unit.idStart} to ${unit.idEnd}. Delete it.`,
    );
  }
  if (stage !== "publish" && stage !== "import") return [...problems, ...(await checkFile(path, receipt, false))];
  // The bytes of shards are checked against the manifest already.
  const entry = manifest?.splits[unit.split].shards[unit.part];
  if (entry !== undefined && entry.sha256 !== receipt.sha256) {
    report(
      `says sha256 ${receipt.sha256.slice(0, 12)}…, the manifest ${entry.sha256.slice(0, 12)}…. Delete both, publish again.`,
    );
  }
  return problems;
}

async function checkFile(path: string, receipt: Receipt, isNeeded: boolean): Promise<DatasetProblem[]> {
  if (!isNeeded && !(await fileExists(path))) return [];
  const { sha256 } = await hashFile(path);
  if (sha256 === receipt.sha256) return [];
  const seen = `${path} is sha256 ${sha256.slice(0, 12)}…, its receipt says ${receipt.sha256.slice(0, 12)}…`;
  return [{ file: path, code: "unit/hash-mismatch", message: `${seen}. Delete it and run again to rebuild it.` }];
}

function missing(path: string): DatasetProblem {
  const message = `${path} does not exist, so its unit is not done. Run the command that makes it again to go on.`;
  return { file: path, code: "receipt/missing", message };
}
