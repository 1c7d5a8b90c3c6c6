/** Number of scores that have a common maximum. */
export const groupSize = 16;

/** Collects the indices of the highest scores offered, highest first. It is used for one row after another. */
export class BestCandidates {
  readonly indices: Int32Array;
  readonly scores: Float32Array;
  #length = 0;

  constructor(size: number) {
    this.indices = new Int32Array(size);
    this.scores = new Float32Array(size);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Collects the best of `row[start … end − 1]`, from the beginning. Of equal scores, the smaller index wins.
   * @param maxima - the highest one of each 16 scores of the row, by which most of them are skipped
   */
  collect(row: Float32Array, start: number, end: number, maxima?: Float32Array): void {
    const { indices, scores } = this;
    const size = indices.length;
    let length = 0;
    let bar = Number.NEGATIVE_INFINITY;
    for (let index = start; index < end; index++) {
      while (maxima !== undefined && index % groupSize === 0 && index < end && maxima[index / groupSize]! <= bar) {
        index += groupSize;
      }
      if (index >= end) break;
      const score = row[index]!;
      if (!(score > bar)) continue;
      let position = length < size ? length++ : size - 1;
      for (; position > 0 && scores[position - 1]! < score; position--) {
        scores[position] = scores[position - 1]!;
        indices[position] = indices[position - 1]!;
      }
      scores[position] = score;
      indices[position] = index;
      if (length === size) bar = scores[size - 1]!;
    }
    this.#length = length;
  }
}
