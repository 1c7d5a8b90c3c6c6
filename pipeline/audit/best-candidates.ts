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

  /** Begins from the beginning. */
  clear(): void {
    this.#length = 0;
  }

  /**
   * Takes an index if its score is among the best. Indices come by rising order: of equal scores, the smaller index wins.
   * @returns the score that further indices must exceed
   */
  offer(index: number, score: number): number {
    const { indices, scores } = this;
    const size = indices.length;
    if (this.#length === size && !(score > scores[size - 1]!)) return scores[size - 1]!;
    let position = this.#length < size ? this.#length++ : size - 1;
    for (; position > 0 && scores[position - 1]! < score; position--) {
      scores[position] = scores[position - 1]!;
      indices[position] = indices[position - 1]!;
    }
    scores[position] = score;
    indices[position] = index;
    return this.#length === size ? scores[size - 1]! : Number.NEGATIVE_INFINITY;
  }

  /** Collects the best of `row[0 … end − 1]`, from the beginning. */
  collect(row: Float32Array, end: number): void {
    this.clear();
    let bar = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < end; index++) {
      const score = row[index]!;
      if (score > bar) bar = this.offer(index, score);
    }
  }
}
