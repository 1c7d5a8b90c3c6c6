import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { NumpyArray, type PickleValue, readPickle, textOf } from "./read-pickle.ts";

/** Bytes that a batch of the Python version has at most, above those of its pixels: labels and names of files. */
const mostOtherBytesPerRecord = 256;

/** The name in the Python version of a file of the binary version: `data_batch_1` of `data_batch_1.bin`. */
export function pythonName(name: string): string {
  return name.replace(/\.bin$/, "");
}

/** Size of a batch of the Python version, at most. */
export function mostPythonBytes(numRecords: number): number {
  return 4096 + numRecords * (imageBytes + mostOtherBytesPerRecord);
}

/**
 * Converts a batch of CIFAR's Python version, which torchvision has too, to the records of the binary version. Both have the
 * same images in the same order.
 * @param bytes - a pickle of a dictionary with `data`, uint8 [n, 3072], and lists of labels
 * @param labelKeys - the keys of the labels, in the order of a record
 * @param path - named in errors
 * @returns n records: the labels, then 1,024 red, 1,024 green and 1,024 blue values
 * @throws Cifar5mError `cifar10/no-batch`
 */
export function recordsOfPythonBatch(bytes: Uint8Array, labelKeys: readonly string[], path: string): Uint8Array {
  try {
    const batch = readPickle(bytes);
    if (!(batch instanceof Map)) throw new Error("it holds no dictionary");
    const data = batch.get("data");
    const isOfImages = data instanceof NumpyArray && data.shape.length === 2 && data.shape[1] === imageBytes;
    if (!isOfImages || !/^(\|?u1|uint8)$/.test(data.type) || data.isFortran) {
      throw new Error(`data must be a uint8 array of shape [n, ${imageBytes}]`);
    }
    const numRecords = data.shape[0]!;
    if (data.bytes.length !== numRecords * imageBytes)
      throw new Error(`data must have ${numRecords * imageBytes} bytes`);
    const labels = labelKeys.map((key) => labelsOf(batch, key, numRecords));
    const recordBytes = labels.length + imageBytes;
    const records = new Uint8Array(numRecords * recordBytes);
    for (let record = 0; record < numRecords; record++) {
      const start = record * recordBytes;
      for (const [index, values] of labels.entries()) records[start + index] = values[record]!;
      records.set(data.bytes.subarray(record * imageBytes, (record + 1) * imageBytes), start + labels.length);
    }
    return records;
  } catch (thrown) {
    throw new Cifar5mError(
      "cifar10/no-batch",
      `${path} must be a file of CIFAR's Python version, as its authors pickled it: ${messageOf(thrown)}. Get it again.`,
    );
  }
}

function labelsOf(batch: ReadonlyMap<string, PickleValue>, key: string, numRecords: number): readonly number[] {
  const labels = batch.get(key);
  const isRight = Array.isArray(labels) && labels.length === numRecords && labels.every(isByte);
  if (!isRight)
    throw new Error(`${key} must be a list of ${numRecords} integers from 0 to 255, beside ${keysOf(batch)}`);
  return labels as number[];
}

function isByte(value: PickleValue): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;
}

function keysOf(batch: ReadonlyMap<string, PickleValue>): string {
  return [...batch.keys()].map(textOf).join(", ");
}
