import { type FingerprintKeys, hexOfKey } from "../../core/image-fingerprint.ts";
import type { Removal, RemovalReason } from "./removals.ts";

/** Keys of the images that samples must not repeat. If several match, the first becomes the partner. */
export interface ReferenceKeys {
  readonly reason: RemovalReason;
  readonly keys: FingerprintKeys;
}

/**
 * Finds the samples to remove: those that repeat an image of a reference set, and those that repeat a sample of smaller
 * id, mirrored or not.
 *
 * It sorts only the first 64 bits, 8 bytes an image, and compares whole keys where those agree.
 * @param options.samples - keys of the samples; the index is the sample id
 * @returns removals, by rising id
 */
export function findDuplicates(options: {
  readonly references: readonly ReferenceKeys[];
  readonly samples: FingerprintKeys;
}): Removal[] {
  const sets = [...options.references.map(({ keys }) => keys), options.samples];
  const suspects = findSuspects(sets);
  suspects.sort((a, b) => compare(a.high, b.high) || compare(a.low, b.low) || a.set - b.set || a.index - b.index);

  const removals: Removal[] = [];
  let first: Suspect | undefined;
  for (const suspect of suspects) {
    if (first === undefined || suspect.high !== first.high || suspect.low !== first.low) {
      first = suspect;
    } else if (suspect.set === options.references.length) {
      removals.push({
        id: suspect.index,
        reason: options.references[first.set]?.reason ?? "duplicate-within-set",
        mirrored: suspect.mirrored !== first.mirrored,
        partner: first.index,
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
