import { fingerprintImages, hexOfKey, unpackFingerprints } from "../../core/image-fingerprint.ts";
import { imageAt, type LabeledImages } from "../../core/image-layout.ts";
import { type ReferenceTests, testReferences } from "../audit/decide-flags.ts";
import type { NearestReferences } from "../audit/nearest-references.ts";
import { buildReferenceIndex } from "../audit/reference-index.ts";
import { openReferenceSearch, type ReferenceSearch } from "../audit/reference-search.ts";
import { requireCifar10 } from "../cifar-10/open-cifar-10.ts";
import { readCifar10 } from "../cifar-10/read-cifar-10.ts";
import type { Run } from "../run/run.ts";
import { openOnce, type StageContext } from "../run/stage.ts";
import { readSamples } from "../run/unit-files.ts";
import type { Unit } from "../run/units.ts";
import type { Removal, RemovalReason } from "./removals.ts";

/** Finds the samples that an audit would flag as near-copies of CIFAR-10, memorized or leaked. */
export interface NearCopySearch {
  /**
   * Looks at the samples of a unit. What it finds depends on each image alone, so it does not change when the set grows.
   * @returns by rising id
   * @throws Cifar5mError `receipt/missing`, `unit/hash-mismatch`, `disk/…`; the signal's reason
   */
  find(unit: Unit, context: StageContext): Promise<Removal[]>;
  close(): Promise<void>;
}

/**
 * Refuses a run that leaves out near-copies, but has no CIFAR-10 to compare images with: fingerprints find exact copies
 * only.
 * @throws Cifar5mError `run/data-missing`
 */
export async function requireNearCopySource({ folder, config }: Pick<Run, "folder" | "config">): Promise<void> {
  if (config.dropNearCopies) await requireCifar10(folder);
}

/** Opens a search. It reads CIFAR-10 and starts its workers when the first unit comes. */
export function openNearCopySearch(run: Run): NearCopySearch {
  const opened = openOnce(async () => {
    await requireNearCopySource(run);
    const { train, test } = await readCifar10(run.folder.cifar10, run.config.recordsPerFile);
    const search = openReferenceSearch(await buildReferenceIndex(train.images, test.images));
    return { search, references: { train, test }, close: search.close };
  });
  return {
    find: async (unit, { signal }) => {
      const { search, references } = await opened.get();
      return await findInUnit(unit, await readSamples(run, unit), { search, references, signal });
    },
    close: opened.close,
  };
}

async function findInUnit(
  unit: Unit,
  images: Uint8Array,
  options: {
    readonly search: ReferenceSearch;
    readonly references: Readonly<Record<"train" | "test", LabeledImages>>;
    readonly signal: AbortSignal;
  },
): Promise<Removal[]> {
  const { search, references, signal } = options;
  const found = await search.search(images, { signal });
  const tests = { train: testReferences(found.train), test: testReferences(found.test) };
  const removals: Removal[] = [];
  for (let row = 0; unit.idStart + row < unit.idEnd; row++) {
    const reason = reasonOf(tests, row);
    if (reason === undefined) continue;
    const split = reason === "leak-from-cifar10-test" ? "test" : "train";
    const { partner, mirrored } = partnerOf(found[split], tests[split], row);
    const { high, low } = unpackFingerprints(fingerprintImages(imageAt(references[split].images, partner)));
    removals.push({ id: unit.idStart + row, reason, mirrored, partner, fingerprint: hexOfKey(high[0]!, low[0]!) });
  }
  return removals;
}

function reasonOf(
  { train, test }: Readonly<Record<"train" | "test", ReferenceTests>>,
  row: number,
): RemovalReason | undefined {
  if (train.isNearCopy[row] === 1) return "near-copy-of-cifar10-train";
  if (train.isBelowThird[row] === 1 || train.isAdaptive[row] === 1) return "memorized-from-cifar10-train";
  const isLeak = test.isNearCopy[row] === 1 || test.isBelowThird[row] === 1 || test.isAdaptive[row] === 1;
  return isLeak ? "leak-from-cifar10-test" : undefined;
}

/** The image of CIFAR-10 that explains a sample, or else the nearest one. */
function partnerOf(
  { copyIndex, isCopyMirrored, index, isMirrored }: NearestReferences["train"],
  { isNearCopy }: ReferenceTests,
  row: number,
): Pick<Removal, "partner" | "mirrored"> {
  const [partners, flips] = isNearCopy[row] === 1 ? [copyIndex, isCopyMirrored] : [index, isMirrored];
  return { partner: partners[row]!, mirrored: flips[row] === 1 };
}
