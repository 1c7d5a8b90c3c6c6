import { Cifar5mError } from "../../core/errors.ts";
import { numCifar10Classes } from "../../core/image-layout.ts";
import type { Manifest } from "../../shards/index.ts";
import { readRun } from "../run/run.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { readProbabilities } from "../run/unit-files.ts";
import { unitRows } from "../run/units.ts";
import { countLabels } from "../stages/kept-rows.ts";
import type { Audit } from "./audit-report.ts";
import type { RowFlagColumns } from "./decide-flags.ts";

/** Images by label: before removals, published, and published without the flagged ones. */
export async function classBalance(options: {
  readonly folder: RunFolder;
  readonly manifest: Manifest;
  readonly labels: Uint8Array;
  readonly flags: RowFlagColumns;
  readonly isSample: boolean;
}): Promise<Audit["balance"]> {
  const { manifest, labels, flags, isSample } = options;
  const { train, test } = manifest.splits;
  const named = (counts: readonly number[]) =>
    Object.fromEntries(manifest.classNames.map((name, label) => [name, counts[label] ?? 0]));
  const published = manifest.classNames.map((_, label) => train.classCounts[label]! + test.classCounts[label]!);
  const unflagged = manifest.classNames.map(() => 0);
  for (const [row, label] of labels.entries()) {
    const isFlagged = [flags.nearCopy, flags.memorized, flags.leak, flags.nearDuplicate].some(
      (flag) => flag[row] === 1,
    );
    if (!isFlagged) unflagged[label]!++;
  }
  const beforeRemovals =
    Object.keys(manifest.removals).length === 0 ? published : await countBeforeRemovals(options.folder);
  return {
    ...(beforeRemovals === undefined ? {} : { beforeRemovals: named(beforeRemovals) }),
    published: named(published),
    ...(isSample ? {} : { unflagged: named(unflagged) }),
  };
}

/** All images of a run by label; undefined if its files that say so are gone, or if there never was a run. */
async function countBeforeRemovals(folder: RunFolder): Promise<number[] | undefined> {
  try {
    const run = await readRun(folder);
    const sums = new Array<number>(numCifar10Classes).fill(0);
    for (const unit of run.units) {
      const rows = Array.from({ length: unitRows(unit) }, (_, row) => row);
      const counts = countLabels(await readProbabilities(run, unit), rows);
      for (const [label, count] of counts.entries()) sums[label]! += count;
    }
    return sums;
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) return undefined;
    throw thrown;
  }
}
