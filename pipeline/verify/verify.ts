import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { manifestName } from "../../shards/format/manifest.ts";
import { type DatasetProblem, type Manifest, type VerifyMode, verifyDataset } from "../../shards/index.ts";
import { chooseShards } from "../../shards/verify/verify-mode.ts";
import { foreignReceiptAdvice } from "../../shards/verify/verify-receipt.ts";
import { joinPath } from "../../storage/join-path.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { parseLocation } from "../../storage/parse-location.ts";
import { fileExists } from "../../storage/read-file.ts";
import { checkCompanions } from "../card/check-companions.ts";
import { readImportedRun } from "../import/imported-run.ts";
import { modelPath, trainingStageOf } from "../models/models.ts";
import { describeMisfit } from "../run/describe-misfit.ts";
import { mapFiles } from "../run/map-files.ts";
import { publishedSizeOf } from "../run/published-size.ts";
import { describeForgotten, findForgottenUnits } from "../run/require-known-units.ts";
import { type Run, readRun } from "../run/run.ts";
import { runFolderAt } from "../run/run-folder.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step, StepOptions } from "../run/step.ts";
import { dataFileOf, type UnitStage, unitStages } from "../run/unit-files.ts";
import { shardFileOf, shareOf, type Unit } from "../run/units.ts";
import { checkAgainstReceipt } from "./check-receipt.ts";

/**
 * Checks a finished run: its data set and card, and every receipt against its file and against the run's configuration.
 * Intermediate files may have been deleted to save space; existing ones must be undamaged. A downloaded data set
 * folder, without a run around it, is checked against its manifest alone.
 * @param root - run folder, or dataset folder, or the URL of a dataset
 * @param context - rank and world size: which share of the units this process checks; by default all
 * @param mode - which files are read; of all others only existence and size are checked
 * @returns every problem found
 * @throws Cifar5mError `run/missing` if there is no run; what reading run.json throws; `verify/out-of-range`
 */
export async function verifyRun(
  root: string,
  context: Pick<StageContext, "signal"> & Partial<Pick<StageContext, "rank" | "worldSize">>,
  mode: VerifyMode = "full",
): Promise<readonly DatasetProblem[]> {
  const { signal, rank = 0, worldSize = 1 } = context;
  const share = { rank, worldSize };
  if (await isDatasetAlone(root)) {
    return (await verifyDataset(root, { mode, share, signal })).problems;
  }
  const folder = runFolderAt(root);
  const imported = await readImportedRun(folder);
  const run: VerifiedRun = imported ?? (await readRun(folder));
  const [lastStage, earlierStages, models] =
    imported === undefined
      ? ([publishStage, stagesBefore, ["generator", "labeler"]] as const)
      : (["import", [], []] as const);
  const isRead = chooseShards(run.units.length, mode);
  const names = new Map(run.units.map(({ shardFile, name }) => [shardFile, name]));
  const forgotten = imported === undefined && rank === 0 ? await findForgottenUnits(run) : new Set<string>();
  const forgottenFiles = new Set([...forgotten].map(shardFileOf));
  const { problems, manifest } = await verifyDataset(run.folder.dataset, {
    mode,
    share,
    signal,
    isPlanned: (file) => names.has(file) || forgottenFiles.has(file),
    receiptOf: ({ file }) => {
      const name = names.get(file);
      return name === undefined ? undefined : run.folder.receipt(lastStage, name);
    },
  });
  const { train, test } = manifest?.splits ?? {};
  const listed = new Set([...(train?.shards ?? []), ...(test?.shards ?? [])].map(({ file }) => file));
  const checks = [
    ...(rank === 0
      ? models.map(
          (name) => () => checkModel(run, name, { isHashed: mode !== "fast", isListed: manifest !== undefined }),
        )
      : []),
    // If there is a manifest, shards and their receipts are already checked against it.
    ...[...earlierStages, ...(manifest === undefined ? [lastStage] : [])].flatMap((stage) =>
      shareOf(run.units, { ...share, takeOver: false }).map(
        (unit) => () =>
          checkUnit({ run, unit, stage, isHashed: isRead(unit.index), isListed: listed.has(unit.shardFile) }),
      ),
    ),
  ];
  const found = await mapFiles(checks, async (check) => {
    signal.throwIfAborted();
    return await check();
  });
  const ofSize = rank === 0 ? await checkSize(run, manifest, forgotten) : [];
  const ofCard = rank === 0 && manifest !== undefined ? await checkCompanions(run.folder.dataset) : [];
  return [...problems, ...ofSize, ...found.flat(), ...ofCard];
}

/**
 * `verifyRun` as the last step of a build. It throws the first problem, and says how many more there are.
 * @param mode - which files are read
 */
export function verifyStep({ folder }: Pick<StepOptions, "folder">, mode: VerifyMode = "full"): Step {
  return {
    name: "verify",
    total: 0,
    async *run(context) {
      const [first, ...others] = await verifyRun(folder.root, context, mode);
      if (first !== undefined) {
        const more = others.length === 0 ? "" : ` (And ${others.length} more: run \`cifar5m verify\`.)`;
        throw new Cifar5mError(first.code, first.message + more);
      }
      yield "verified";
    },
  };
}

/** A run, built or imported. */
type VerifiedRun = Pick<Run, "folder" | "hash" | "units"> & Partial<Pick<Run, "sizes">>;

const publishStage = "publish" satisfies UnitStage;
const stagesBefore = unitStages.filter((stage) => stage !== publishStage);

async function isDatasetAlone(root: string): Promise<boolean> {
  if (parseLocation(root).kind !== "folder" && objectsAt(root) === undefined) return true;
  return !(await fileExists(runFolderAt(root).config)) && (await fileExists(joinPath(root, manifestName)));
}

/** Whether the run knows all that was published, and the manifest belongs to it and lists all its shards. */
async function checkSize(
  run: VerifiedRun,
  manifest: Manifest | undefined,
  forgotten: ReadonlySet<string>,
): Promise<DatasetProblem[]> {
  const file = run.folder.manifest;
  const misfit = manifest && (await describeMisfit(run, manifest));
  if (misfit !== undefined) return [{ file, code: "manifest/mismatch", message: `${file} ${misfit}` }];
  if (forgotten.size > 0) {
    return [{ file: run.folder.config, code: "run/growth-lost", message: describeForgotten(run, forgotten) }];
  }
  const { sizes, units } = run;
  if (manifest === undefined || sizes === undefined) return [];
  if (publishedSizeOf({ sizes, units }, manifest) === sizes.length) return [];
  const numShards = manifest.splits.train.shards.length + manifest.splits.test.shards.length;
  const { count, testCount } = sizes.at(-1)!;
  const message =
    `${file} lists ${numShards} shards and is whole, but the run has grown to ${count} train and ${testCount} test images. ` +
    "Run `cifar5m build` to go on.";
  return [{ file, code: "manifest/mismatch", message }];
}

async function checkModel(
  run: VerifiedRun,
  name: "generator" | "labeler",
  how: { readonly isHashed: boolean; readonly isListed: boolean },
): Promise<DatasetProblem[]> {
  const receiptPath = run.folder.receipt(trainingStageOf(name), name);
  return await checkAgainstReceipt({ path: await modelPath(run.folder, name), receiptPath, isNeeded: true, ...how });
}

async function checkUnit(options: {
  readonly run: VerifiedRun;
  readonly unit: Unit;
  readonly stage: UnitStage | "import";
  readonly isHashed: boolean;
  readonly isListed: boolean;
}): Promise<DatasetProblem[]> {
  const { run, unit, stage, isHashed, isListed } = options;
  return await checkAgainstReceipt({
    path: stage === "import" ? run.folder.shard(unit) : dataFileOf(run, stage, unit),
    receiptPath: run.folder.receipt(stage, unit.name),
    isNeeded: stage === "publish" || stage === "import",
    isHashed,
    isListed,
    rulesOf: (receipt) => [
      ...(receipt.configHash === run.hash
        ? []
        : [
            `is of config ${shortHash(receipt.configHash)}, the run of ${shortHash(run.hash)}. ${foreignReceiptAdvice}`,
          ]),
      ...(receipt.idStart === unit.idStart && receipt.idEnd === unit.idEnd && receipt.stage === stage
        ? []
        : [
            `is of ${receipt.stage} and ids ${receipt.idStart} to ${receipt.idEnd}, its unit has ${stage} and ` +
              `${unit.idStart} to ${unit.idEnd}. Run \`cifar5m repair\` to make it again.`,
          ]),
    ],
  });
}
