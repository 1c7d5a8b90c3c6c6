import { Cifar5mError } from "../../core/errors.ts";
import { chwToHwc, imageAt, imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { joinPath } from "../../storage/join-path.ts";
import { isFolder } from "../../storage/list-folder.ts";
import { fileExists, readWholeFile } from "../../storage/read-file.ts";
import { type Cifar10File, cifar10Files, recordBytes, requireRecords } from "./cifar-10-files.ts";
import { mostPythonBytes, pythonName, recordsOfPythonBatch } from "./python-batch.ts";
import { readTarGz } from "./read-tar.ts";

/**
 * Reads CIFAR-10.
 * @param data - a folder or .tar.gz of the binary or the Python version
 * @param recordsPerFile - 10,000 by default
 * @throws Cifar5mError `cifar10/…` for files of another size or with bad labels; `archive/…`, `disk/…`
 */
export async function readCifar10(
  data: string,
  recordsPerFile?: number,
): Promise<Readonly<Record<"train" | "test", LabeledImages>>> {
  const files = cifar10Files(recordsPerFile);
  const imagesOf = (wanted: string): LabeledImages => {
    const numImages = files.reduce((sum, { split, numRecords }) => sum + (split === wanted ? numRecords : 0), 0);
    return { images: new Uint8Array(numImages * imageBytes), labels: new Uint8Array(numImages) };
  };
  const splits = { train: imagesOf("train"), test: imagesOf("test") };
  const planar = new Uint8Array(imageBytes);
  for await (const { file, bytes } of readCifar10Files(data, files)) {
    const { images, labels } = splits[file.split];
    for (let record = 0; record < file.numRecords; record++) {
      const start = record * recordBytes;
      const target = file.recordStart + record;
      labels[target] = bytes[start]!;
      planar.set(bytes.subarray(start + 1, start + recordBytes));
      chwToHwc(planar, imageAt(images, target));
    }
  }
  return splits;
}

/** A checked file and its bytes. */
export interface Cifar10Bytes {
  readonly file: Cifar10File;
  readonly bytes: Uint8Array;
}

/**
 * Reads the files of CIFAR-10, one after the other, in the binary layout, whichever version they are of.
 * @param data - a folder or .tar.gz of the binary version, or of the Python version, which torchvision downloads
 * @throws Cifar5mError `cifar10/…`, `archive/…`, `disk/…`
 */
export async function* readCifar10Files(data: string, files: readonly Cifar10File[]): AsyncGenerator<Cifar10Bytes> {
  if (await isFolder(data)) yield* readFolder(data, files);
  else yield* readArchive(data, files);
}

async function* readFolder(folder: string, files: readonly Cifar10File[]): AsyncGenerator<Cifar10Bytes> {
  const missingOf = async (nameOf: (name: string) => string) => {
    const isThere = await Promise.all(files.map(({ name }) => fileExists(joinPath(folder, nameOf(name)))));
    return files.filter((_, index) => !isThere[index]);
  };
  const missing = await missingOf((name) => name);
  const isPython = missing.length > 0 && (await missingOf(pythonName)).length === 0;
  if (missing.length > 0 && !isPython) throw missingFiles(folder, missing);
  for (const file of files) {
    const path = joinPath(folder, isPython ? pythonName(file.name) : file.name);
    yield checked(file, await readWholeFile(path), path, isPython);
  }
}

async function* readArchive(path: string, files: readonly Cifar10File[]): AsyncGenerator<Cifar10Bytes> {
  const nameOf = (member: string) => member.replace(/^(\.\/)?(cifar-10-batches-(bin|py)\/)?/, "");
  const binaryFiles = new Map(files.map((file) => [file.name, file]));
  const pythonFiles = new Map(files.map((file) => [pythonName(file.name), file]));
  const sizeOf = (member: string) => {
    const binary = binaryFiles.get(nameOf(member));
    if (binary !== undefined) return binary.numRecords * recordBytes;
    const python = pythonFiles.get(nameOf(member));
    return python && { atMost: mostPythonBytes(python.numRecords) };
  };
  const missing = new Set(files);
  for (const member of await readTarGz({ path, sizeOf })) {
    const binary = binaryFiles.get(nameOf(member.path));
    const file = binary ?? pythonFiles.get(nameOf(member.path))!;
    // An archive may hold a file twice, or both versions.
    if (missing.delete(file)) yield checked(file, member.bytes, `${path}:${member.path}`, binary === undefined);
  }
  if (missing.size > 0) throw missingFiles(path, [...missing]);
}

function checked(file: Cifar10File, read: Uint8Array, path: string, isPython: boolean): Cifar10Bytes {
  const bytes = isPython ? recordsOfPythonBatch(read, ["labels"], path) : read;
  requireRecords(bytes, file, path);
  return { file, bytes };
}

function missingFiles(path: string, files: readonly Cifar10File[]): Cifar5mError {
  return new Cifar5mError(
    "cifar10/missing-file",
    `${path} must hold the six files of CIFAR-10's binary or Python version, ${files.map(({ name }) => name).join(", ")} not found. ` +
      "Get cifar-10-binary.tar.gz or cifar-10-python.tar.gz, not the Matlab version.",
  );
}
