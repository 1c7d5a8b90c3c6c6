import { Cifar5mError } from "../../core/errors.ts";

/** One file of CIFAR-10 in the official binary layout. */
export interface Cifar10File {
  readonly name: string;
  readonly split: "train" | "test";
  /** Index of the first record within its split. */
  readonly recordStart: number;
  readonly numRecords: number;
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
  const train = [1, 2, 3, 4, 5].map((number) => ({
    name: `data_batch_${number}.bin`,
    split: "train" as const,
    recordStart: (number - 1) * recordsPerFile,
    numRecords: recordsPerFile,
  }));
  return [...train, { name: "test_batch.bin", split: "test", recordStart: 0, numRecords: recordsPerFile }];
}

/**
 * @param path - named in errors
 * @throws Cifar5mError `cifar10/wrong-size` or `cifar10/label-out-of-range`
 */
export function requireRecords(bytes: Uint8Array, file: Cifar10File, path: string): void {
  const expected = file.numRecords * recordBytes;
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
