import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";

/** A file of CIFAR-10 or CIFAR-100. */
export interface CifarFile {
  /** In the binary version. */
  readonly name: string;
  readonly numRecords: number;
  /** The labels before the pixels of a record, a byte each, by their names in the Python version. */
  readonly labels: readonly string[];
}

/** One file of CIFAR-10 in the official binary layout. */
export interface Cifar10File extends CifarFile {
  readonly split: "train" | "test";
  /** Index of the first record within its split. */
  readonly recordStart: number;
}

/** Size of all records of a file, in the binary version. */
export function sizeOfRecords({ numRecords, labels }: CifarFile): number {
  return numRecords * (labels.length + imageBytes);
}

/** Bytes of a record: a label, then 1,024 red, 1,024 green and 1,024 blue values. */
export const recordBytes = 3073;
/** Records of each of the official files. */
const officialRecordsPerFile = 10_000;

/**
 * The six files of the binary layout.
 * @param recordsPerFile - 10,000 in CIFAR-10 itself; other sets with the same layout may have another number
 */
export function cifar10Files(recordsPerFile: number = officialRecordsPerFile): Cifar10File[] {
  const common = { numRecords: recordsPerFile, labels: ["labels"] };
  const train = [1, 2, 3, 4, 5].map((number) => ({
    ...common,
    name: `data_batch_${number}.bin`,
    split: "train" as const,
    recordStart: (number - 1) * recordsPerFile,
  }));
  return [...train, { ...common, name: "test_batch.bin", split: "test", recordStart: 0 }];
}

/**
 * @param path - named in errors
 * @throws Cifar5mError `cifar10/wrong-size` or `cifar10/label-out-of-range`
 */
export function requireRecords(bytes: Uint8Array, file: Cifar10File, path: string): void {
  const expected = sizeOfRecords(file);
  if (bytes.length !== expected) {
    throw new Cifar5mError(
      "cifar10/wrong-size",
      `${path} must hold ${file.numRecords} records of ${recordBytes} bytes, ${expected} in all, got ${bytes.length}. ` +
        "Get the file again: it was cut, or belongs to another data set.",
    );
  }
  for (let record = 0; record < file.numRecords; record++) {
    const label = bytes[record * recordBytes]!;
    if (label <= 9) continue;
    throw new Cifar5mError(
      "cifar10/label-out-of-range",
      `${path} record ${record}: a label must lie in [0, 9], got ${label}. ` +
        "Get the file again: it is damaged, or belongs to another data set (CIFAR-100 has two label bytes).",
    );
  }
}
