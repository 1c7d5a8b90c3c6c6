import type { BestCandidates } from "./best-candidates.ts";

/** Number of scores that have a common maximum. */
export const groupSize = 16;

/** The scores of a batch of images, as the products leave them; see `BoundProducts`. */
export class BoundScores {
  readonly #scores: readonly Float32Array[];
  readonly #maxima: readonly Float32Array[];
  readonly #groups: number;

  /**
   * @param scores - of each block of references, [images, groups, 16] flattened
   * @param maxima - of each block the highest score of each group, [images, groups] flattened
   * @param groups - number of groups of a block
   */
  constructor(scores: readonly Float32Array[], maxima: readonly Float32Array[], groups: number) {
    this.#scores = scores;
    this.#maxima = maxima;
    this.#groups = groups;
  }

  /**
   * Collects the references from `start` to `end` − 1 with the highest scores.
   * @param row - index of the image
   */
  collect(row: number, start: number, end: number, candidates: BestCandidates): void {
    const bar = this.#barOf(row, start, end, candidates);
    candidates.clear();
    this.visit(row, start, end, bar, (reference, score) => Math.max(bar, candidates.offer(reference, score)));
  }

  /**
   * Visits the references from `start` to `end` − 1 whose scores reach a bar, by rising index. Groups below it are skipped
   * by their maxima.
   * @param bar - the lowest score to visit
   * @param visit - returns the bar for the references that follow
   */
  visit(
    row: number,
    start: number,
    end: number,
    bar: number,
    visit: (reference: number, score: number) => number,
  ): void {
    const groups = this.#groups;
    const columns = groups * groupSize;
    let lowest = bar;
    for (let block = Math.floor(start / columns); block * columns < end; block++) {
      const [scores, maxima] = [this.#scores[block]!, this.#maxima[block]!];
      const offset = block * columns;
      const last = Math.min(groups, Math.ceil((end - offset) / groupSize));
      for (let group = Math.max(0, Math.floor((start - offset) / groupSize)); group < last; group++) {
        if (!(maxima[row * groups + group]! >= lowest)) continue;
        const first = offset + group * groupSize;
        for (let reference = Math.max(start, first); reference < Math.min(end, first + groupSize); reference++) {
          const score = scores[row * columns + reference - offset]!;
          if (score >= lowest) lowest = visit(reference, score);
        }
      }
    }
  }

  /**
   * A score that at least as many references reach as candidates are wanted: each of the groups with the highest maxima
   * has one of them.
   */
  #barOf(row: number, start: number, end: number, candidates: BestCandidates): number {
    const groups = this.#groups;
    const columns = groups * groupSize;
    candidates.clear();
    let bar = Number.NEGATIVE_INFINITY;
    for (let block = Math.floor(start / columns); block * columns < end; block++) {
      const maxima = this.#maxima[block]!;
      const offset = block * columns;
      // Groups that lie in the range as a whole.
      const last = Math.min(groups, Math.floor((end - offset) / groupSize));
      const first = row * groups;
      for (let group = Math.max(0, Math.ceil((start - offset) / groupSize)); group < last; group++) {
        const highest = maxima[first + group]!;
        if (highest > bar) bar = candidates.offer(group, highest);
      }
    }
    return bar;
  }
}
