import { argmax } from "../../core/argmax.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import type { SplitName } from "./manifest.ts";
import type { ShardInput } from "./shard-schema.ts";

/** Some rows to write, one or many. */
export interface DatasetRows {
  /** uint8, shape [n, 32, 32, 3] flattened. */
  readonly images: Uint8Array;
  /** Shape [n]. Optional where there are probabilities: the label is then the most probable class. */
  readonly labels?: ArrayLike<number>;
  /** Shape [n, classes] flattened, each in [0, 1]; by default 1 for the label and 0 for all others. */
  readonly probabilities?: ArrayLike<number>;
  /** The class that a generator was asked for, shape [n]; −1, the default, where it was asked for none. */
  readonly classes?: ArrayLike<number>;
}

export type RowSource = DatasetRows | Iterable<DatasetRows> | AsyncIterable<DatasetRows>;

/** Checks the rows of a split and hands them out in chunks for shards. */
export class SplitRows {
  readonly classCounts: number[];
  readonly #rows: AsyncIterator<DatasetRows> | Iterator<DatasetRows>;
  readonly #split: SplitName;
  readonly #numClasses: number;
  readonly #signal: AbortSignal | undefined;
  /** Rows that were read and are not written yet, starting at `#start`. */
  #chunk: Required<DatasetRows> | undefined;
  #start = 0;
  #numRead = 0;

  constructor(source: RowSource, split: SplitName, numClasses: number, signal: AbortSignal | undefined) {
    this.#split = split;
    this.#numClasses = numClasses;
    this.#signal = signal;
    this.#rows = this.#open(source);
    this.classCounts = new Array<number>(numClasses).fill(0);
  }

  #open(source: RowSource): AsyncIterator<DatasetRows> | Iterator<DatasetRows> {
    if (typeof source !== "object" || source === null) {
      throw this.#badRows(0, `rows must be an object of arrays, or an iterable of such objects, got ${String(source)}`);
    }
    if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
    return (Symbol.iterator in source ? source : [source])[Symbol.iterator]();
  }

  /** Whether the source has another row. */
  async hasMore(): Promise<boolean> {
    while (this.#chunk === undefined || this.#start === this.#chunk.labels.length) {
      this.#signal?.throwIfAborted();
      const { done, value } = await this.#rows.next();
      if (done === true) return false;
      this.#chunk = this.#complete(value);
      this.#start = 0;
      this.#numRead += this.#chunk.labels.length;
    }
    return true;
  }

  /** Yields the next rows, at most `numRows`. */
  async *take(numRows: number, firstId: number): AsyncGenerator<ShardInput> {
    for (let numTaken = 0; numTaken < numRows && (await this.hasMore()); ) {
      const { images, labels, probabilities, classes } = this.#chunk!;
      const [start, end] = [this.#start, Math.min(labels.length, this.#start + numRows - numTaken)];
      const width = this.#numClasses;
      const ofRows = (probabilities as Float32Array).slice(start * width, end * width);
      const chosen = (labels as Int32Array).slice(start, end);
      for (const label of chosen) this.classCounts[label]!++;
      const idStart = firstId + numTaken;
      this.#start = end;
      numTaken += end - start;
      yield {
        id: Float64Array.from({ length: end - start }, (_, row) => idStart + row),
        image: images.slice(start * imageBytes, end * imageBytes),
        label: chosen,
        class: (classes as Int32Array).slice(start, end),
        confidence: Float32Array.from(chosen, (label, row) => ofRows[row * width + label]!),
        probabilities: ofRows,
      };
    }
  }

  async close(): Promise<void> {
    await this.#rows.return?.();
  }

  /** Fills in the optional arrays. It checks every rule that `verifyDataset` checks. */
  #complete(chunk: DatasetRows): Required<DatasetRows> {
    if (typeof chunk !== "object" || chunk === null) {
      throw this.#badRows(0, `rows must be objects of arrays, got ${String(chunk)}`);
    }
    const { images, labels, probabilities, classes } = chunk;
    const numClasses = this.#numClasses;
    const numRows = (images?.length ?? Number.NaN) / imageBytes;
    if (!(images instanceof Uint8Array) || !Number.isInteger(numRows)) {
      const seen = images instanceof Uint8Array ? `${images.length} bytes` : typeof images;
      throw this.#badRows(0, `images must be a Uint8Array of n times ${imageBytes} bytes, got ${seen}`);
    }
    const lengths = { labels: [labels, 1], probabilities: [probabilities, numClasses], classes: [classes, 1] } as const;
    for (const [key, [values, width]] of Object.entries(lengths)) {
      if (values !== undefined && values.length !== numRows * width) {
        throw this.#badRows(
          0,
          `${key} must have ${numRows * width} values for ${numRows} images, got ${values.length}`,
        );
      }
    }
    if (labels === undefined && probabilities === undefined) {
      throw this.#badRows(0, "labels or probabilities must be given, and neither is");
    }
    const ofRows = probabilities === undefined ? undefined : Float32Array.from(probabilities);
    const filled = ofRows ?? new Float32Array(numRows * numClasses);
    const found = new Int32Array(numRows);
    for (let row = 0; row < numRows; row++) {
      const ofRow = filled.subarray(row * numClasses, (row + 1) * numClasses);
      if (ofRows === undefined) {
        this.#requireClass(row, "label", labels![row]!, 0);
        ofRow[labels![row]!] = 1;
      }
      const outside = ofRow.find((probability) => !(probability >= 0 && probability <= 1));
      if (outside !== undefined) throw this.#badRows(row, `probabilities must lie in [0, 1], got ${outside}`);
      found[row] = argmax(ofRow);
      if (labels !== undefined && labels[row] !== found[row]) {
        throw this.#badRows(row, `label must be the most probable class, ${found[row]}, got ${labels[row]}`);
      }
      if (classes !== undefined) this.#requireClass(row, "class", classes[row]!, -1);
    }
    return {
      images,
      labels: found,
      probabilities: filled,
      classes: classes === undefined ? new Int32Array(numRows).fill(-1) : Int32Array.from(classes),
    };
  }

  #requireClass(row: number, key: string, value: number, least: number): void {
    if (Number.isInteger(value) && value >= least && value < this.#numClasses) return;
    throw this.#badRows(row, `${key} must be an integer in [${least}, ${this.#numClasses}), got ${value}`);
  }

  #badRows(row: number, what: string): Cifar5mError {
    const where = `row ${this.#numRead + row} of ${this.#split}`;
    return new Cifar5mError("dataset/bad-rows", `${where}: ${what}. Correct what makes the rows.`);
  }
}
