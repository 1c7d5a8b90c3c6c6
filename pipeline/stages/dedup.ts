import pLimit from "p-limit";
import { Cifar5mError } from "../../core/errors.ts";
import { type FingerprintKeys, fingerprintBytes, unpackFingerprints } from "../../core/image-fingerprint.ts";
import type { Cifar10Source } from "../cifar-10/cifar-10-fingerprints.ts";
import type { Run } from "../run/run.ts";
import { type Stage, type StageContext, unitStage } from "../run/stage.ts";
import { readUnitFile } from "../run/unit-files.ts";
import { type Unit, unitRows } from "../run/units.ts";
import { findDuplicates } from "./find-duplicates.ts";
import { fingerprintWork } from "./fingerprint.ts";
import { type Removal, writeRemovals } from "./removals.ts";

/** Number of files that are read at once. */
const numReaders = 4;

/** Computes the fingerprints of a unit's samples: 16 bytes an image. */
export function fingerprintStage(options: {
  readonly run: Run;
  readonly models: { readonly generator: string };
}): Stage {
  return unitStage(fingerprintWork(options));
}

/**
 * Finds the samples to remove, and records each with its reason. It removes exact and mirrored copies within the whole
 * set (of two copies, the one with the larger id) and copies of CIFAR-10 images. It needs the fingerprints of all units
 * of the run.
 * @throws Cifar5mError `dedup/too-many-removals`; as `unitStage`; `receipt/missing` while another worker has not
 *   finished its fingerprints
 */
export function dedupStage(options: {
  readonly run: Run;
  readonly models: { readonly generator: string };
  readonly cifar10: Cifar10Source;
}): Stage {
  const { run, models, cifar10 } = options;
  let found: Promise<Removal[]> | undefined;
  return unitStage({
    name: "dedup",
    run,
    models: { generator: models.generator, "cifar-10": cifar10.sha256 },
    pathOf: run.folder.removals,
    write: async (unit, sink, context) => {
      found ??= findRemovals(run, cifar10, context);
      const removals = (await found).filter(({ id }) => id >= unit.idStart && id < unit.idEnd);
      await sink.write(writeRemovals(removals));
      for (const { reason } of removals) context.count(`dropped/${reason}`, 1);
      context.count("dedup/images", unitRows(unit));
      return removals.length;
    },
  });
}

async function findRemovals(run: Run, cifar10: Cifar10Source, context: StageContext): Promise<Removal[]> {
  const { train, test } = await cifar10.load();
  const samples = await readAllFingerprints(run, context);
  const removals = findDuplicates({
    references: [
      { reason: "duplicate-of-cifar10-train", keys: train },
      { reason: "duplicate-of-cifar10-test", keys: test },
    ],
    samples,
  });
  requireFew(removals, run);
  return removals;
}

/** Fraction of the images. More copies than this are no accident. */
const mostRemovals = 0.1;
/** This many copies are accepted in a set of any size. */
const fewRemovals = 10;

function requireFew(removals: readonly Removal[], run: Run): void {
  const numSamples = run.units.reduce((sum, unit) => sum + unitRows(unit), 0);
  if (removals.length <= Math.max(fewRemovals, mostRemovals * numSamples)) return;
  const reasons = [...new Set(removals.map(({ reason }) => reason))].map(
    (reason) => `${removals.filter((removal) => removal.reason === reason).length} ${reason}`,
  );
  throw new Cifar5mError(
    "dedup/too-many-removals",
    `at most a tenth of the images may be copies, and ${removals.length} of ${numSamples} are (${reasons.join(", ")}). ` +
      "The generator repeats itself or its training images: build with other weights or sampler options, in a new run folder.",
  );
}

/** Reads the fingerprints of all samples of the run; the index is the sample id. */
async function readAllFingerprints(run: Run, context: StageContext): Promise<FingerprintKeys> {
  const numSamples = run.units.reduce((sum, unit) => sum + unitRows(unit), 0);
  const all = new Uint8Array(numSamples * fingerprintBytes);
  const limit = pLimit(numReaders);
  const read = async (unit: Unit) => {
    context.signal.throwIfAborted();
    const bytes = await readUnitFile(run, "fingerprint", unit, run.folder.fingerprints(unit));
    all.set(bytes, unit.idStart * fingerprintBytes);
  };
  await limit.map(run.units, read);
  return unpackFingerprints(all);
}
