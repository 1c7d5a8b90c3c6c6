import { closeOnError } from "../../core/close-on-error.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { type ByteSource, type FileSource, toByteSource } from "../../shards/arrow/byte-source.ts";
import { openSource } from "../../shards/arrow/open-source.ts";
import type { Cifar10Source } from "../cifar-10/cifar-10-fingerprints.ts";
import { mapFiles } from "../run/map-files.ts";
import type { Run } from "../run/run.ts";
import { type StageContext, unitStage } from "../run/stage.ts";
import { readUnitFile } from "../run/unit-files.ts";
import { comparePrecedence, shareOf, type Unit, unitRows } from "../run/units.ts";
import { copiesBetween, countCopies, writeCopies } from "./copy-list.ts";
import { findDuplicates, type ReferenceKeys } from "./find-duplicates.ts";
import { type Bucket, BucketCollector, planBuckets } from "./fingerprint-bucket.ts";
import type { Removal } from "./removals.ts";

/** The copies that a search found. */
export interface FoundCopies {
  /** Those whose ids lie in [idStart, idEnd), by rising id. */
  between(idStart: number, idEnd: number): Removal[];
  close(): void;
}

interface Search {
  readonly run: Run;
  readonly models: Readonly<Record<"generator" | "cifar-10", string>>;
  readonly cifar10: Cifar10Source;
  readonly imagesPerBucket?: number;
}

/**
 * Searches all samples of a run for copies.
 *
 * A set with more images than fit into memory is searched in buckets of fingerprints, one after the other, each of which
 * leaves a list of its copies in the run folder. Several workers share the buckets; each then does those that the others
 * have not finished, because all are needed.
 * @throws Cifar5mError as `dedupStage`
 */
export async function searchCopies(search: Search, context: StageContext): Promise<FoundCopies> {
  const { run, cifar10 } = search;
  const { train, test } = await cifar10.load();
  const references: ReferenceKeys[] = [
    { reason: "duplicate-of-cifar10-train", keys: train },
    { reason: "duplicate-of-cifar10-test", keys: test },
  ];
  const numImages = countImages(run);
  const buckets = planBuckets(numImages, search.imagesPerBucket);
  if (buckets.length === 1) {
    const removals = await searchBucket(run, buckets[0]!, references, context);
    return foundIn([toByteSource(writeCopies(removals), "copies")], run);
  }
  const units = buckets.map((bucket) => asUnit(bucket, run.sizes.length));
  const stage = unitStage({
    name: "search",
    run,
    models: search.models,
    pathOf: ({ name }) => run.folder.copies(name),
    write: async ({ index }, sink) => {
      const removals = await searchBucket(run, buckets[index]!, references, context);
      await sink.write(writeCopies(removals));
      return removals.length;
    },
  });
  const { rank, worldSize } = context;
  for await (const _ of stage(shareOf(units, { rank, worldSize, takeOver: true }), context)) {
    context.signal.throwIfAborted();
  }
  const lists: FileSource[] = [];
  const close = () => {
    for (const list of lists) list.close();
  };
  return await closeOnError({ close }, async () => {
    for (const unit of units) {
      const path = run.folder.copies(unit.name);
      await readUnitFile(run, "search", unit, path);
      lists.push(await openSource(path));
    }
    return foundIn(lists, run);
  });
}

/** A bucket as the unit of a stage. Its copies hold for one size of the set only. */
function asUnit({ index, numBuckets }: Bucket, numSizes: number): Unit {
  const digits = (value: number) => String(value).padStart(5, "0");
  return {
    index,
    number: index,
    split: "train",
    part: index,
    sizeIndex: numSizes - 1,
    shardFile: "",
    name: `size-${numSizes}-bucket-${digits(index)}-of-${digits(numBuckets)}`,
    idStart: 0,
    idEnd: 0,
  };
}

function foundIn(lists: readonly (ByteSource & { close?(): void })[], run: Run): FoundCopies {
  requireFew(lists, run);
  return {
    between: (idStart, idEnd) =>
      lists.flatMap((list) => copiesBetween(list, idStart, idEnd)).sort((a, b) => a.id - b.id),
    close: () => {
      for (const list of lists) list.close?.();
    },
  };
}

async function searchBucket(
  run: Run,
  bucket: Bucket,
  references: readonly ReferenceKeys[],
  context: StageContext,
): Promise<Removal[]> {
  const collector = new BucketCollector(bucket, countImages(run));
  const read = async (unit: Unit) => {
    context.signal.throwIfAborted();
    collector.add(await readUnitFile(run, "fingerprint", unit, run.folder.fingerprints(unit)), unit.idStart);
  };
  await mapFiles(run.units, read);
  return findDuplicates({
    references,
    samples: collector.finish(),
    compareIds: comparePrecedence(run),
  });
}

function countImages(run: Run): number {
  return run.units.reduce((sum, unit) => sum + unitRows(unit), 0);
}

/** Fraction of the images. More copies than this are no accident. */
const mostRemovals = 0.1;
/** This many copies are accepted in a set of any size. */
const fewRemovals = 10;

function requireFew(lists: readonly ByteSource[], run: Run): void {
  const numSamples = countImages(run);
  const numCopies = lists.reduce((sum, list) => sum + countCopies(list), 0);
  if (numCopies <= Math.max(fewRemovals, mostRemovals * numSamples)) return;
  const counts = new Map<string, number>();
  for (const list of lists) {
    for (const { reason } of copiesBetween(list, 0, Number.POSITIVE_INFINITY)) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`);
  throw new Cifar5mError(
    "dedup/too-many-removals",
    `at most a tenth of the images may be copies, and ${numCopies} of ${numSamples} are (${reasons.join(", ")}). ` +
      "The generator repeats itself or its training images: build with other weights or sampler options, in a new run folder.",
  );
}
