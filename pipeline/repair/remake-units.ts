import { join } from "node:path";
import { sha256 } from "../../storage/sha256.ts";
import { openCifar10Source } from "../cifar-10/cifar-10-fingerprints.ts";
import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Run } from "../run/run.ts";
import { runFolderAt } from "../run/run-folder.ts";
import { makeUnit, type Stage, type StageContext } from "../run/stage.ts";
import { type UnitStage, unitStages } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";
import { dedupStage, fingerprintStage } from "../stages/dedup.ts";
import { labelStage } from "../stages/label.ts";
import { publishStage } from "../stages/publish.ts";
import { sampleStage } from "../stages/sample.ts";
import { isWhole, modelsOf, type UnitState } from "./unit-state.ts";

/** Units by stage. */
export type UnitsByStage = Readonly<Record<UnitStage, ReadonlySet<Unit>>>;

/** sha256 of zero bytes: the removals of a unit that lost no sample. */
const emptySha256 = sha256("");

/** The folder in which units are remade: a run folder within the run, so that an interrupted repair can continue. */
export function stagingFolderOf(run: Run): string {
  return join(run.folder.root, "repair");
}

/**
 * Plans everything that must be made. Undamaged files are used; deleted ones are made again.
 * @param wanted - units to make again even if they are undamaged
 * @param options.dropNearCopies - whether removals follow from the samples too
 * @param options.balance - whether a shard follows from the labels of all units that came with the same size
 */
export function planRemake(
  states: readonly UnitState[],
  wanted: UnitsByStage,
  { dropNearCopies, balance }: { readonly dropNearCopies: boolean; readonly balance: boolean },
): UnitsByStage {
  const lacking = (stage: UnitStage, units?: ReadonlySet<Unit>) =>
    states
      .filter((state) => state.stage === stage && !isWhole(state) && (units?.has(state.unit) ?? true))
      .map(({ unit }) => unit);
  const { publish } = wanted;
  const isBalancedWith = (unit: Unit) =>
    [...publish].some(({ split, sizeIndex }) => split === unit.split && sizeIndex === unit.sizeIndex);
  const counted = balance ? new Set(states.map(({ unit }) => unit).filter(isBalancedWith)) : publish;
  const dedup = new Set([...wanted.dedup, ...lacking("dedup", counted)]);
  const searched = [...dedup].filter((unit) => !isKnownEmpty(states, unit));
  const fingerprint = new Set([...wanted.fingerprint, ...(searched.length > 0 ? lacking("fingerprint") : [])]);
  const label = new Set([...wanted.label, ...lacking("label", counted)]);
  const users = new Set([...publish, ...label, ...fingerprint, ...(dropNearCopies ? searched : [])]);
  return { sample: new Set([...wanted.sample, ...lacking("sample", users)]), label, fingerprint, dedup, publish };
}

/**
 * Makes units in the staging folder, by the stages of a build.
 * @param options.plan - the units to make, from `planRemake`
 * @param options.models - sha256 of `generator`, `labeler` and `cifar-10`
 * @returns the run with the paths that it would have: of undamaged units the usual ones, of all others those in the
 *   staging folder
 * @throws Cifar5mError what the stages throw
 */
export async function remakeUnits(
  options: {
    readonly run: Run;
    readonly runtime: ModelRuntime;
    readonly states: readonly UnitState[];
    readonly plan: UnitsByStage;
    readonly models: Readonly<Record<string, string>>;
  },
  context: StageContext,
): Promise<Run> {
  const { runtime, states, plan } = options;
  const run = stagedRun(options.run, states, plan);
  const modelsFor = (stage: UnitStage) => modelsOf(stage, options.models);
  for (const unit of plan.dedup) {
    if (!isKnownEmpty(states, unit)) continue;
    const work = {
      name: "dedup",
      run,
      models: modelsFor("dedup"),
      pathOf: run.folder.removals,
      write: async () => 0,
    } as const;
    await makeUnit(work, unit, context);
  }
  const stages: Readonly<Record<UnitStage, () => Promise<Stage>>> = {
    sample: async () => sampleStage({ run, runtime, models: modelsFor("sample") }),
    label: async () => labelStage({ run, runtime, models: modelsFor("label") }),
    fingerprint: async () => fingerprintStage({ run, models: modelsFor("fingerprint") }),
    dedup: async () => {
      const cifar10 = await openCifar10Source(run.folder, run.config.recordsPerFile);
      return dedupStage({ run, models: modelsFor("dedup"), cifar10 });
    },
    publish: async () => publishStage({ run, models: modelsFor("publish") }),
  };
  for (const name of unitStages) {
    if (plan[name].size === 0) continue;
    const stage = await stages[name]();
    for await (const _ of stage(plan[name], context)) context.signal.throwIfAborted();
  }
  return run;
}

/** The run with the paths of the staging folder for all planned units. */
function stagedRun(run: Run, states: readonly UnitState[], plan: UnitsByStage): Run {
  const staging = runFolderAt(stagingFolderOf(run));
  const units = new Map(run.units.map((unit) => [unit.name, unit]));
  const whole = new Set(states.filter(isWhole).map(({ stage, unit }) => `${stage} ${unit.name}`));
  const at = (stage: UnitStage, unit: Unit) =>
    whole.has(`${stage} ${unit.name}`) && !plan[stage].has(unit) ? run.folder : staging;
  return {
    ...run,
    folder: {
      ...run.folder,
      samples: (unit) => at("sample", unit).samples(unit),
      probabilities: (unit) => at("label", unit).probabilities(unit),
      fingerprints: (unit) => at("fingerprint", unit).fingerprints(unit),
      removals: (unit) => at("dedup", unit).removals(unit),
      shard: (unit) => at("publish", unit).shard(unit),
      receipt: (stage, name) => {
        const unitStage = unitStages.find((other) => other === stage);
        const unit = units.get(name);
        return (unitStage === undefined || unit === undefined ? run.folder : at(unitStage, unit)).receipt(stage, name);
      },
      dataset: staging.dataset,
      manifest: staging.manifest,
    },
  };
}

/**
 * Whether the receipt alone proves that nothing was removed. In that case nobody has to search the whole set for
 * copies.
 */
function isKnownEmpty(states: readonly UnitState[], unit: Unit): boolean {
  return states.some(
    ({ stage, unit: { index }, receipt }) =>
      stage === "dedup" && index === unit.index && receipt?.sha256 === emptySha256,
  );
}
