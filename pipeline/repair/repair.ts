import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { readUndamaged } from "../../storage/receipt.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import { hashesOfInputs } from "../models/models.ts";
import type { Config } from "../run/config.ts";
import { publishedSizeOf } from "../run/published-size.ts";
import { requireKnownUnits } from "../run/require-known-units.ts";
import { cleanRun, type Run, readRun, runAtSize } from "../run/run.ts";
import type { RunFolder } from "../run/run-folder.ts";
import type { StageContext } from "../run/stage.ts";
import type { UnitStage } from "../run/unit-files.ts";
import { type Unit, unitRows } from "../run/units.ts";
import { publishManifest, summaryOfShards } from "../stages/publish-manifest.ts";
import { installUnit, proveUnits, throwFirst } from "./prove-units.ts";
import { planRemake, remakeUnits, stagingFolderOf, type UnitsByStage } from "./remake-units.ts";
import { repairModel } from "./repair-model.ts";
import { requireFinished, requireOwnManifest } from "./require-repairable.ts";
import { restoreListedReceipts } from "./restore-receipts.ts";
import { examineUnits, isDamaged, isWhole, type UnitState } from "./unit-state.ts";
import { useStagingFolder } from "./use-staging-folder.ts";

/**
 * Finds the damaged and lost files of a finished run (shards, intermediate files, receipts, the manifest) and makes
 * exactly those again: from undamaged files, or else by the stages of a build from ids and models. A remade file
 * replaces the damaged one only if it has the old hash, according to receipt or manifest. Undamaged files are not
 * touched.
 *
 * The work happens in `RUN/repair`, which is removed at the end; an interrupted repair continues with it. If several
 * repairs run at once, the first to end removes the folder. The others then check again what is left to do.
 * @returns the files that were made again
 * @throws Cifar5mError `repair/hash-mismatch` or `repair/unproven` for a unit whose old bytes could not be made again,
 *   after all others were repaired; `repair/unfinished` if the build is not finished; `repair/models-changed`;
 *   `repair/manifest-of-another-run`; `run/growth-lost` if run and manifest have lost images that were published;
 *   `unit/config-changed`; `run/missing`; what the stages throw
 */
export async function repairRun(
  options: { readonly folder: RunFolder; readonly config: Config; readonly runtime: ModelRuntime },
  context: StageContext,
): Promise<string[]> {
  const { folder, config, runtime } = options;
  const newest: Run = { ...(await readRun(folder)), config };
  await cleanRun(newest);
  const manifest = await readUndamaged(() => readManifestIfAny(newest.folder.dataset));
  // What the set is growing by was never published, so it cannot be lost.
  const run = runAtSize(newest, (manifest && publishedSizeOf(newest, manifest)) ?? newest.sizes.length);
  const repaired: string[] = [];
  for (const name of ["generator", "labeler"] as const) {
    repaired.push(...(await repairModel(run.folder, name, manifest?.models[name])));
  }
  const models = await hashesOfInputs(run);
  if (manifest === undefined) await requireKnownUnits(run);
  else await requireOwnManifest(run, manifest, models);
  const examined = await examineUnits(run, { models, manifest }, context);
  requireFinished(run, examined, manifest);
  const states = await restoreListedReceipts({ run, states: examined, manifest, repaired });
  const damaged = states.filter(isDamaged);
  if (damaged.length === 0 && manifest !== undefined) return repaired;
  const ended = await useStagingFolder(stagingFolderOf(run), context.signal, async () => {
    const plan = planRemake(states, wantedUnits(states, manifest === undefined), run.config);
    const staged = await remakeUnits({ run, runtime, states, plan, models }, context);
    const failures = await proveUnits(staged, states, plan);
    const failed = new Set(failures.map(({ unit }) => unit));
    for (const state of damaged.filter(({ unit }) => !failed.has(unit))) {
      repaired.push(...(await installUnit(run, staged, state)));
    }
    throwFirst(failures);
    if (manifest === undefined) {
      await publishManifest(staged, models, context, summaryOfShards);
      await replaceBytes(run.folder.manifest, await readWholeFile(staged.folder.manifest));
      repaired.push(run.folder.manifest);
    }
  });
  return ended === "removed" ? [...repaired, ...(await repairRun(options, context))] : repaired;
}

/** The damaged units. If an intermediate file lost its receipt, the shard that can prove it is included. */
function wantedUnits(states: readonly UnitState[], isManifestLost: boolean): UnitsByStage {
  const publishStates = new Map(states.filter(({ stage }) => stage === "publish").map((state) => [state.unit, state]));
  const unitsOf = (stage: UnitStage, isWanted: (state: UnitState) => boolean) =>
    new Set(states.filter((state) => state.stage === stage && isWanted(state)).map(({ unit }) => unit));
  const unproved = new Set(
    states.filter((state) => isDamaged(state) && state.expected === undefined).map(({ unit }) => unit),
  );
  // The manifest counts removals by reason.
  const hasRemovals = (unit: Unit) => (publishStates.get(unit)?.receipt?.rows ?? 0) < unitRows(unit);
  return {
    sample: unitsOf("sample", isDamaged),
    label: unitsOf("label", isDamaged),
    fingerprint: unitsOf("fingerprint", isDamaged),
    dedup: unitsOf(
      "dedup",
      (state) => isDamaged(state) || (isManifestLost && !isWhole(state) && hasRemovals(state.unit)),
    ),
    publish: unitsOf("publish", (state) => isDamaged(state) || unproved.has(state.unit)),
  };
}
