import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { argmax } from "../../core/argmax.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { programVersion } from "../../core/program-version.ts";
import { requireKeys } from "../../core/require-keys.ts";
import { canonicalJson, hashConfig, type JsonValue } from "../../storage/canonical-json.ts";
import { replaceFile } from "../../storage/commit.ts";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { type Manifest, manifestName, type ShardEntry, type SplitName, splitNames } from "./manifest.ts";
import { readManifestIfAny, writeManifest } from "./manifest-file.ts";
import type { ShardInput } from "./shard-schema.ts";
import { writeShard } from "./write-shard.ts";

/** Rows of a shard unless told otherwise: 31 MB. */
const defaultRowsPerShard = 10_000;

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

type RowSource = Iterable<DatasetRows> | AsyncIterable<DatasetRows>;

export interface WriteDatasetOptions {
  /** The index is the label. At least two, at most 256. */
  readonly classNames: readonly string[];
  readonly train: RowSource;
  /** Default: no test rows. */
  readonly test?: RowSource;
  /** Default `dataset`. */
  readonly name?: string;
  /** How the data were made; the manifest holds it. */
  readonly config?: { readonly [key: string]: JsonValue };
  /** Rows of each shard but the last of a split, default 10,000. */
  readonly rowsPerShard?: number;
  readonly signal?: AbortSignal;
}

const optionKeys = ["classNames", "train", "test", "name", "config", "rowsPerShard", "signal"] as const;

/**
 * Writes a data set that `openDataset` opens: Arrow shards, then the manifest. Rows get the ids 0, 1, 2, …, train
 * before test. A folder without a manifest is unfinished, and the same call starts it again from the beginning.
 * @param directory - made if it does not exist; it may hold the files of an interrupted call, but no finished data set
 * @returns the manifest
 * @throws Cifar5mError `dataset/exists`, `dataset/bad-rows`, `dataset/out-of-range`; `manifest/invalid`; `disk/…`
 */
export async function writeDataset(directory: string, options: WriteDatasetOptions): Promise<Manifest> {
  requireKeys("writeDataset's options", options, optionKeys);
  const { classNames, train, test = [], name = "dataset", config = {}, rowsPerShard = defaultRowsPerShard } = options;
  if (!Number.isSafeInteger(rowsPerShard) || rowsPerShard < 1) {
    throw outOfRange("rowsPerShard", "a positive integer", rowsPerShard);
  }
  if (!Array.isArray(classNames) || classNames.length < 2 || classNames.length > 256) {
    throw outOfRange("classNames", "2 to 256 names", classNames?.length);
  }
  const folder = resolve(directory);
  await requireUnfinished(folder);
  const sources: Readonly<Record<SplitName, RowSource>> = { train, test };
  let nextId = 0;
  const splits: Partial<Record<SplitName, Manifest["splits"][SplitName]>> = {};
  for (const split of splitNames) {
    const reader = new RowReader(sources[split], split, classNames.length, options.signal);
    const shards: ShardEntry[] = [];
    try {
      while (await reader.hasMore()) {
        const file = `${split}/part-${String(shards.length).padStart(5, "0")}.arrow`;
        const idStart = nextId;
        const { bytes, sha256 } = await replaceFile(join(folder, file), async (sink) => {
          nextId = idStart + (await writeShard(sink, reader.take(rowsPerShard, idStart), classNames));
        });
        shards.push({ file, rows: nextId - idStart, bytes, sha256, idStart, idEnd: nextId });
      }
    } finally {
      await reader.close();
    }
    splits[split] = { rows: shards.reduce((sum, { rows }) => sum + rows, 0), shards, classCounts: reader.classCounts };
  }
  const { manifest } = await writeManifest(folder, {
    name,
    classNames: [...classNames],
    imageShape: [32, 32, 3],
    splits: splits as Manifest["splits"],
    configHash: hashConfig(config),
    config: JSON.parse(canonicalJson(config)),
    models: {},
    removals: {},
    createdBy: programVersion,
  });
  return manifest;
}

/** Refuses to overwrite a finished data set: a paper may name its rows. */
async function requireUnfinished(folder: string): Promise<void> {
  if ((await readManifestIfAny(folder)) !== undefined) {
    throw new Cifar5mError(
      "dataset/exists",
      `${folder} must hold no finished data set, it has a ${manifestName}. Name another folder, or delete this one.`,
    );
  }
  for (const split of splitNames) {
    const path = join(folder, split);
    try {
      await readdir(path);
    } catch (thrown) {
      if (systemCodeOf(thrown) === "ENOENT") continue;
      throw diskError(thrown, "read", path);
    }
    await removeStaleTemporaries(path);
  }
}

/** Checks the rows of a split and hands them out in chunks for shards. */
class RowReader {
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
    this.#rows = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#split = split;
    this.#numClasses = numClasses;
    this.#signal = signal;
    this.classCounts = new Array<number>(numClasses).fill(0);
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
  #complete({ images, labels, probabilities, classes }: DatasetRows): Required<DatasetRows> {
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

function outOfRange(key: string, rule: string, value: unknown): Cifar5mError {
  return new Cifar5mError("dataset/out-of-range", `${key} must be ${rule}, got ${String(value)}. Correct it.`);
}
