import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { chwToHwc, cifar10ClassNames, imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import type { SplitName } from "../../shards/format/manifest.ts";
import { isFile } from "../../storage/list-folder.ts";
import { type CifarFile, cifar10Files, sizeOfRecords } from "../cifar-10/cifar-10-files.ts";
import { askForInnerFolder, type FoundFile, openCifarFiles } from "../cifar-10/open-cifar-files.ts";
import { pythonName } from "../cifar-10/python-batch.ts";
import { cifar100ClassNames } from "./cifar-100-class-names.ts";
import { chunkRows, type ImportSource } from "./import-source.ts";

/** CIFAR-10 or CIFAR-100 in the official binary layout. */
interface CifarLayout {
  readonly format: "cifar-10" | "cifar-100";
  readonly classNames: readonly string[];
  readonly files: readonly (CifarFile & { readonly split: SplitName })[];
}

/** @param recordsPerFile - 10,000 in the official sets */
function layoutsOf(recordsPerFile: number): CifarLayout[] {
  // The last label is that of the class.
  const labels = ["coarse_labels", "fine_labels"];
  return [
    { format: "cifar-10", classNames: cifar10ClassNames, files: cifar10Files(recordsPerFile) },
    {
      format: "cifar-100",
      classNames: cifar100ClassNames,
      files: [
        { name: "train.bin", split: "train", numRecords: 5 * recordsPerFile, labels },
        { name: "test.bin", split: "test", numRecords: recordsPerFile, labels },
      ],
    },
  ];
}

/**
 * CIFAR-10 or CIFAR-100 as its authors publish the binary and the Python version: a folder, of which a file at a time is
 * held in memory, or a .tar.gz, which is held in memory.
 * @param options.format - by default detected from the files
 * @param options.recordsPerFile - 10,000 in the official sets
 * @throws Cifar5mError `import/…`, `archive/…`, `disk/…`
 */
export async function openCifarSource(options: {
  readonly path: string;
  readonly format?: CifarLayout["format"] | undefined;
  readonly recordsPerFile: number;
}): Promise<ImportSource> {
  const { path, format } = options;
  const layouts = layoutsOf(options.recordsPerFile).filter(
    (layout) => format === undefined || layout.format === format,
  );
  const wantedFiles = layouts.flatMap(({ files }) => files);
  const found = await openCifarFiles(path, wantedFiles);
  const layout = layouts.find(({ files }) => files.every(({ name }) => found.has(name)));
  if (layout === undefined) {
    const wanted = layouts.map((candidate) => candidate.files.map(({ name }) => name).join(", "));
    throw new Cifar5mError(
      "import/missing-file",
      `${path} must hold ${wanted.join(" or ")}, got ${[...found.keys()].join(", ") || "none of them"}. ${await askForInnerFolder(path)}` +
        "Get the binary or the Python version of the set, not the Matlab version.",
    );
  }
  const rowsOf = (split: SplitName) =>
    layout.files.filter((file) => file.split === split).reduce((sum, file) => sum + file.numRecords, 0);
  return {
    path,
    format: layout.format,
    classNames: layout.classNames,
    numRows: { train: rowsOf("train"), test: rowsOf("test") },
    async *read() {
      for (const file of layout.files) yield* readImages(found.get(file.name)!, file, layout);
    },
  };
}

/** The format whose files a folder holds, if any. */
export async function findCifarFormat(folder: string): Promise<CifarLayout["format"] | undefined> {
  const layouts = layoutsOf(1);
  for (const { format, files } of layouts) {
    const path = join(folder, files[0]!.name);
    if ((await isFile(path)) || (await isFile(pythonName(path)))) return format;
  }
  return undefined;
}

/** The images of a file, which is held in memory. */
async function* readImages(found: FoundFile, file: CifarFile, layout: CifarLayout): AsyncGenerator<LabeledImages> {
  const { numRecords } = file;
  const { classNames } = layout;
  const labelBytes = file.labels.length;
  const recordBytes = labelBytes + imageBytes;
  const bytes = await found.read();
  if (bytes.length !== sizeOfRecords(file)) throw wrongSize(found.path, file, layout.format, bytes.length);
  for (let start = 0; start < numRecords; start += chunkRows) {
    const rows = Math.min(chunkRows, numRecords - start);
    const planar = new Uint8Array(rows * imageBytes);
    const labels = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      const record = bytes.subarray((start + row) * recordBytes, (start + row + 1) * recordBytes);
      const label = record[labelBytes - 1]!;
      if (label >= classNames.length) throw badLabel(found.path, start + row, label, classNames.length);
      labels[row] = label;
      planar.set(record.subarray(labelBytes), row * imageBytes);
    }
    yield { images: chwToHwc(planar), labels };
  }
}

function wrongSize(path: string, file: CifarFile, format: string, bytes: number): Cifar5mError {
  return new Cifar5mError(
    "import/wrong-size",
    `${path} must hold ${file.numRecords} records of ${format}, ${sizeOfRecords(file)} bytes, got ${bytes}. ` +
      "Get the file again: it was cut, or belongs to another data set.",
  );
}

function badLabel(name: string, record: number, label: number, numClasses: number): Cifar5mError {
  return new Cifar5mError(
    "import/label-out-of-range",
    `${name} record ${record}: a label must lie in [0, ${numClasses - 1}], got ${label}. ` +
      "Get the file again: it is damaged, or belongs to another data set.",
  );
}
