import { Cifar5mError } from "../../core/errors.ts";
import { listReceipts } from "./list-receipts.ts";
import { readPinnedRun } from "./pinned-run.ts";
import type { Run } from "./run.ts";
import { planUnits, type Unit } from "./units.ts";

/**
 * The units that were published and that the run has not: a file of growth/ was lost.
 * @param published - what `listReceipts` gives for `publish`, from a caller that has it
 * @returns names as in `Unit.name`
 * @throws Cifar5mError `disk/…`; what reading run.json and growth/ throws
 */
export async function findForgottenUnits(
  run: Pick<Run, "folder" | "units"> & Partial<Pick<Run, "sizes">>,
  published?: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const names = published ?? (await listReceipts(run.folder, "publish"));
  const forgotten = without(names, run.units);
  if (forgotten.size === 0) return forgotten;
  // Another worker may have let the set grow since this one opened the run.
  const pinned = await readPinnedRun(run.folder);
  if (pinned?.sizes === undefined) return forgotten;
  return without(forgotten, planUnits(pinned.sizes, Number(pinned.identity["unitSize"])));
}

function without(names: ReadonlySet<string>, units: readonly Unit[]): ReadonlySet<string> {
  const known = new Set(units.map(({ name }) => name));
  return new Set([...names].filter((name) => !known.has(name)));
}

/** What is wrong with a run that has forgotten units, and what to do. */
export function describeForgotten({ folder }: Pick<Run, "folder">, forgotten: ReadonlySet<string>): string {
  const [name = ""] = [...forgotten].sort();
  return (
    `${folder.receipt("publish", name)} is of a published unit that the run does not have (${forgotten.size} in all): a file of ` +
    `${folder.root}'s growth/ was lost. Put it back from a copy, or let the set grow again to each size that it had, one after the ` +
    "other, by `cifar5m build --count N --test-count M`: what is there is kept."
  );
}

/**
 * Refuses to describe a set without images that were published.
 * @throws Cifar5mError `run/growth-lost`; as `findForgottenUnits`
 */
export async function requireKnownUnits(run: Pick<Run, "folder" | "units" | "sizes">): Promise<void> {
  const forgotten = await findForgottenUnits(run);
  if (forgotten.size > 0) throw new Cifar5mError("run/growth-lost", describeForgotten(run, forgotten));
}
