import type { Cifar10Source } from "../cifar-10/cifar-10-fingerprints.ts";
import type { Run } from "../run/run.ts";
import { openOnce, type Stage, unitStage } from "../run/stage.ts";
import { unitRows } from "../run/units.ts";
import { fingerprintWork } from "./fingerprint.ts";
import { writeRemovals } from "./removals.ts";
import { type FoundCopies, searchCopies } from "./search-copies.ts";

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
 * @param options.imagesPerBucket - images that are searched at once; by default what fits into a gigabyte
 * @throws Cifar5mError `dedup/too-many-removals`; as `unitStage`; `receipt/missing` while another worker has not
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
  return unitStage({
    name: "dedup",
    run,
    models,
    pathOf: run.folder.removals,
    close: async () => copies?.close(),
    write: async (unit, sink, context) => {
      copies ??= openOnce(() => searchCopies({ ...options, models }, context));
      const removals = (await copies.get()).between(unit.idStart, unit.idEnd);
      await sink.write(writeRemovals(removals));
      for (const { reason } of removals) context.count(`dropped/${reason}`, 1);
      context.count("dedup/images", unitRows(unit));
      return removals.length;
    },
  });
}
