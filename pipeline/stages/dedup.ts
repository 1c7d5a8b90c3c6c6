import { closeAll } from "../../core/close-all.ts";
import type { Cifar10Source } from "../cifar-10/cifar-10-fingerprints.ts";
import type { Run } from "../run/run.ts";
import { openOnce, type Stage, unitStage } from "../run/stage.ts";
import { unitRows } from "../run/units.ts";
import { fingerprintWork } from "./fingerprint.ts";
import { type Removal, writeRemovals } from "./removals.ts";
import { type FoundCopies, searchCopies } from "./search-copies.ts";
import { openNearCopySearch } from "./search-near-copies.ts";

/** Computes the fingerprints of a unit's samples: 16 bytes an image. */
export function fingerprintStage(options: {
  readonly run: Run;
  readonly models: { readonly generator: string };
}): Stage {
  return unitStage(fingerprintWork(options));
}

/**
 * Finds the samples to remove, and records each with its reason. It removes exact and mirrored copies within the whole
 * set and copies of CIFAR-10 images. Of copies within the set, the one stays that came with the earliest size of the
 * set; of those, a test image before a train image; of those, the one with the smallest id. So nothing that is published
 * changes when the set grows. It needs the fingerprints of all units of the run.
 *
 * With `dropNearCopies`, it also removes what an audit would flag beside CIFAR-10; see `openNearCopySearch`.
 * @param options.imagesPerBucket - images that are searched at once; by default what fits into a gigabyte
 * @throws Cifar5mError `dedup/too-many-removals`, `run/data-missing`; as `unitStage`; `receipt/missing` while another worker has not
 *   finished its fingerprints
 */
export function dedupStage(options: {
  readonly run: Run;
  readonly models: { readonly generator: string };
  readonly cifar10: Cifar10Source;
  readonly imagesPerBucket?: number;
}): Stage {
  const { run, cifar10 } = options;
  const models = { generator: options.models.generator, "cifar-10": cifar10.sha256 };
  let copies: ReturnType<typeof openOnce<FoundCopies>> | undefined;
  const nearCopies = run.config.dropNearCopies ? openNearCopySearch(run) : undefined;
  return unitStage({
    name: "dedup",
    run,
    models,
    pathOf: run.folder.removals,
    close: () => closeAll(copies, nearCopies),
    write: async (unit, sink, context) => {
      copies ??= openOnce(() => searchCopies({ ...options, models }, context));
      const exact = (await copies.get()).between(unit.idStart, unit.idEnd);
      const removals = mergeRemovals(exact, (await nearCopies?.find(unit, context)) ?? []);
      await sink.write(writeRemovals(removals));
      for (const { reason } of removals) context.count(`dropped/${reason}`, 1);
      context.count("dedup/images", unitRows(unit));
      return removals.length;
    },
  });
}

/**
 * One removal for each sample, by rising id. A copy of a CIFAR-10 image is recorded as such. A copy within the set whose
 * original is left out too has the reason of the original: the partner of a copy within the set is always kept.
 */
function mergeRemovals(exact: readonly Removal[], near: readonly Removal[]): Removal[] {
  const byId = new Map(near.map((removal) => [removal.id, removal]));
  for (const removal of exact) {
    if (removal.reason !== "duplicate-within-set" || !byId.has(removal.id)) byId.set(removal.id, removal);
  }
  return [...byId.values()].sort((a, b) => a.id - b.id);
}
