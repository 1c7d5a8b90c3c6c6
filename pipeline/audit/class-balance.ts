import { argmax } from "../../core/argmax.ts";
import { Cifar5mError } from "../../core/errors.ts";
import type { Manifest } from "../../shards/index.ts";
import { readRun } from "../run/run.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { readProbabilities } from "../run/unit-files.ts";
import { readRemovals } from "../stages/removals.ts";
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
  const removed = await countRemoved(options.folder, manifest);
  return {
    ...(removed === undefined
      ? {}
      : { beforeRemovals: named(published.map((count, label) => count + removed[label]!)) }),
    published: named(published),
    ...(isSample ? {} : { unflagged: named(unflagged) }),
  };
}

/** Removed images by label; undefined if the files of the run that say so are gone, or if there never was a run. */
async function countRemoved(folder: RunFolder, manifest: Manifest): Promise<number[] | undefined> {
  const counts = manifest.classNames.map(() => 0);
  if (Object.keys(manifest.removals).length === 0) return counts;
  try {
    const run = await readRun(folder);
    for (const unit of run.units) {
      const removals = await readRemovals(folder.removals(unit));
      if (removals.length === 0) continue;
      const probabilities = await readProbabilities(run, unit);
      for (const { id } of removals) {
        const start = (id - unit.idStart) * counts.length;
        counts[argmax(probabilities.subarray(start, start + counts.length))]!++;
      }
    }
    return counts;
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) return undefined;
    throw thrown;
  }
}
