import { formatCount } from "../../core/format.ts";
import { imageAt, imageBytes } from "../../core/image-layout.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { testReferences } from "../audit/decide-flags.ts";
import { buildReferenceIndex } from "../audit/reference-index.ts";
import { openReferenceSearch } from "../audit/reference-search.ts";
import type { Cifar10 } from "../cifar-10/open-cifar-10.ts";
import type { Config } from "../run/config.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { countMemorized } from "./memorization.ts";
import type { ScoredImages } from "./pick-scored-images.ts";
import { renderNeighborSheet } from "./render-neighbor-sheet.ts";
import type { Memorization } from "./score.ts";

/** Images on the sheet, and train images beside each. */
const sheet = { rows: 20, neighbors: 6 } as const;

/** Reports the progress of a search. */
interface SearchProgress {
  readonly signal: AbortSignal;
  /** Receives the number of images that were just done. */
  readonly count: (images: number) => void;
}

/**
 * Looks up the nearest train images of the first picked images, and renders them as a sheet into the run folder.
 * @returns the number of memorized images among the picked ones
 */
export async function scoreNeighbors(
  options: {
    readonly folder: RunFolder;
    readonly config: Config;
    readonly numNeighbors: number;
    readonly cifar10: Cifar10;
    readonly picked: ScoredImages;
    readonly classNames: readonly string[];
  },
  progress: SearchProgress,
): Promise<Memorization> {
  const { folder, config, numNeighbors, picked, classNames } = options;
  const { train } = options.cifar10;
  const images = picked.images.subarray(0, numNeighbors * imageBytes);
  const { tests, lists } = await search(images, train.images, progress);
  const memorization = countMemorized(tests);
  const rows = lists.map((neighbors, index) => ({
    id: picked.ids[index]!,
    image: imageAt(images, index),
    label: classNames[picked.labels[index]!]!,
    ratio: tests.ratios[index]!,
    neighbors,
  }));
  const subtitle =
    `${rows.length} images of the set at random (seed ${config.seed}), and the train images nearest to them over all 3,072 values · memorized ` +
    `(d₁/d₂ < 1/3) among ${formatCount(memorization.count)} images: ${memorization.memorized}`;
  const png = await renderNeighborSheet({ rows, train, numNeighbors: sheet.neighbors, subtitle });
  await replaceBytes(folder.score.neighbors, png);
  return memorization;
}

/** The tests of an audit on all images, and the lists of the sheet for the first ones. */
async function search(images: Uint8Array, train: Uint8Array, progress: SearchProgress) {
  const opened = openReferenceSearch(await buildReferenceIndex(train, new Uint8Array(0)));
  try {
    const found = await opened.search(images, progress);
    const shown = images.subarray(0, sheet.rows * imageBytes);
    return { tests: testReferences(found.train), lists: await opened.listNeighbors(shown, sheet.neighbors) };
  } finally {
    await opened.close();
  }
}
