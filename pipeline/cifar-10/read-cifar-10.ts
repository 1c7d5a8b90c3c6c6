import { Cifar5mError } from "../../core/errors.ts";
import { chwToHwc, imageAt, imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { type Cifar10File, cifar10Files, recordBytes, requireRecords } from "./cifar-10-files.ts";
import { askForInnerFolder, openCifarFiles } from "./open-cifar-files.ts";

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
  const found = await openCifarFiles(data, files);
  const missing = files.filter(({ name }) => !found.has(name));
  if (missing.length > 0) throw await missingFiles(data, missing);
  for (const file of files) {
    const { path, read } = found.get(file.name)!;
    const bytes = await read();
    requireRecords(bytes, file, path);
    yield { file, bytes };
  }
}

async function missingFiles(path: string, files: readonly Cifar10File[]): Promise<Cifar5mError> {
  return new Cifar5mError(
    "cifar10/missing-file",
    `${path} must hold the six files of CIFAR-10's binary or Python version, ${files.map(({ name }) => name).join(", ")} not found. ${await askForInnerFolder(path)}` +
      "Get cifar-10-binary.tar.gz or cifar-10-python.tar.gz, not the Matlab version.",
  );
}
