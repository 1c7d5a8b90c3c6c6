import { Cifar5mError } from "../../core/errors.ts";
import { chwToHwc, imageAt, imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { joinPath } from "../../storage/join-path.ts";
import { isFolder } from "../../storage/list-folder.ts";
import { fileExists, readWholeFile } from "../../storage/read-file.ts";
import { type Cifar10File, cifar10Files, recordBytes, requireRecords } from "./cifar-10-files.ts";
import { readTarGz } from "./read-tar.ts";

/**
 * Reads CIFAR-10.
 * @param data - a folder or .tar.gz in the official binary layout
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
 * Reads the files of CIFAR-10, one after the other.
 * @param data - a folder or .tar.gz in the official binary layout
 * @throws Cifar5mError `cifar10/…`, `archive/…`, `disk/…`
 */
export async function* readCifar10Files(data: string, files: readonly Cifar10File[]): AsyncGenerator<Cifar10Bytes> {
  if (await isFolder(data)) yield* readFolder(data, files);
  else yield* readArchive(data, files);
}

async function* readFolder(folder: string, files: readonly Cifar10File[]): AsyncGenerator<Cifar10Bytes> {
  const isThere = await Promise.all(files.map((file) => fileExists(joinPath(folder, file.name))));
  const missing = files.filter((_, index) => !isThere[index]);
  if (missing.length > 0) throw missingFiles(folder, missing);
  for (const file of files) {
    const path = joinPath(folder, file.name);
    const bytes = await readWholeFile(path);
    requireRecords(bytes, file, path);
    yield { file, bytes };
  }
}

async function* readArchive(path: string, files: readonly Cifar10File[]): AsyncGenerator<Cifar10Bytes> {
  const missing = new Map(files.map((file) => [file.name, file]));
  const fileOf = (member: string) => missing.get(member.replace(/^(\.\/)?(cifar-10-batches-bin\/)?/, ""));
  const sizeOf = (member: string) => {
    const file = fileOf(member);
    return file === undefined ? undefined : file.numRecords * recordBytes;
  };
  for (const member of await readTarGz({ path, sizeOf })) {
    const file = fileOf(member.path)!;
    requireRecords(member.bytes, file, `${path}:${member.path}`);
    missing.delete(file.name);
    yield { file, bytes: member.bytes };
  }
  if (missing.size > 0) throw missingFiles(path, [...missing.values()]);
}

function missingFiles(path: string, files: readonly Cifar10File[]): Cifar5mError {
  return new Cifar5mError(
    "cifar10/missing-file",
    `${path} must hold the six files of the CIFAR-10 binary layout, ${files.map(({ name }) => name).join(", ")} not found. ` +
      "Get cifar-10-binary.tar.gz, not the Python or Matlab version.",
  );
}
