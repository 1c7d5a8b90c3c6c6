import { type FingerprintKeys, hexOfKey } from "../../core/image-fingerprint.ts";
import type { Removal, RemovalReason } from "./removals.ts";

/** Keys of the images that samples must not repeat. If several match, the first becomes the partner. */
export interface ReferenceKeys {
  readonly reason: RemovalReason;
  readonly keys: FingerprintKeys;
}

/** Keys of samples, in any order. */
export interface SampleKeys extends FingerprintKeys {
  /** Sample ids, shape [n]. */
  readonly ids: ArrayLike<number>;
}

/**
 * Finds the samples to remove: those that repeat an image of a reference set, and of samples that repeat each other,
 * mirrored or not, all but the first.
 *
 * It sorts only the first 64 bits, 8 bytes an image, and compares whole keys where those agree.
 * @param options.samples - keys of the samples
 * @param options.compareIds - negative if the sample of the first id comes first; by default the smaller id does
 * @returns removals, by rising id
 */
export function findDuplicates(options: {
  readonly references: readonly ReferenceKeys[];
  readonly samples: SampleKeys;
  readonly compareIds?: (a: number, b: number) => number;
}): Removal[] {
  const { references, samples, compareIds = (a, b) => a - b } = options;
  const suspects = findSuspects([...references.map(({ keys }) => keys), samples]);
  const idOf = ({ set, index }: Suspect) => (set === references.length ? samples.ids[index]! : index);
  suspects.sort(
    (a, b) =>
      compare(a.high, b.high) ||
      compare(a.low, b.low) ||
      a.set - b.set ||
      (a.set === references.length ? compareIds(idOf(a), idOf(b)) : a.index - b.index),
  );

  const removals: Removal[] = [];
  let first: Suspect | undefined;
  for (const suspect of suspects) {
    if (first === undefined || suspect.high !== first.high || suspect.low !== first.low) {
      first = suspect;
    } else if (suspect.set === references.length) {
      removals.push({
        id: idOf(suspect),
        reason: references[first.set]?.reason ?? "duplicate-within-set",
        mirrored: suspect.mirrored !== first.mirrored,
        partner: idOf(first),
        fingerprint: hexOfKey(first.high, first.low),
      });
    }
  }
  return removals.sort((a, b) => a.id - b.id);
}

interface Suspect {
  readonly high: bigint;
  readonly low: bigint;
  readonly mirrored: number;
  readonly set: number;
  readonly index: number;
}

/** All images that share their first 64 bits with another image. */
function findSuspects(sets: readonly FingerprintKeys[]): Suspect[] {
  const sorted = new BigUint64Array(sets.reduce((sum, { high }) => sum + high.length, 0));
  let offset = 0;
  for (const { high } of sets) {
    sorted.set(high, offset);
    offset += high.length;
  }
  sorted.sort();
  const shared = new Set<bigint>();
  for (let index = 1; index < sorted.length; index++) {
    if (sorted[index] === sorted[index - 1]) shared.add(sorted[index]!);
  }
  const suspects: Suspect[] = [];
  if (shared.size === 0) return suspects;
  for (const [set, keys] of sets.entries()) {
    for (let index = 0; index < keys.high.length; index++) {
      const high = keys.high[index]!;
      if (shared.has(high)) suspects.push({ high, low: keys.low[index]!, mirrored: keys.mirrored[index]!, set, index });
    }
  }
  return suspects;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
