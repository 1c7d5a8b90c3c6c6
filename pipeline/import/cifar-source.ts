import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { chwToHwc, cifar10ClassNames, imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import type { SplitName } from "../../shards/format/manifest.ts";
import { diskError } from "../../storage/disk-error.ts";
import { isFolder } from "../../storage/list-folder.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { cifar10Files } from "../cifar-10/cifar-10-files.ts";
import { mostPythonBytes, pythonName, recordsOfPythonBatch } from "../cifar-10/python-batch.ts";
import { readTarGz } from "../cifar-10/read-tar.ts";
import { ByteReader } from "./byte-reader.ts";
import { cifar100ClassNames } from "./cifar-100-class-names.ts";
import { chunkRows, type ImportSource } from "./import-source.ts";

/** CIFAR-10 or CIFAR-100 in the official binary layout. */
interface CifarLayout {
  readonly format: "cifar-10" | "cifar-100";
  readonly classNames: readonly string[];
  /**
   * The labels before the pixels of a record, a byte each, by their names in the Python version; the last is that of the
   * class. CIFAR-100 has a coarse label before the fine one.
   */
  readonly labels: readonly string[];
  readonly files: readonly { readonly name: string; readonly split: SplitName; readonly numRecords: number }[];
}

/** @param recordsPerFile - 10,000 in the official sets */
function layoutsOf(recordsPerFile: number): CifarLayout[] {
  return [
    { format: "cifar-10", classNames: cifar10ClassNames, labels: ["labels"], files: cifar10Files(recordsPerFile) },
    {
      format: "cifar-100",
      classNames: cifar100ClassNames,
      labels: ["coarse_labels", "fine_labels"],
      files: [
        { name: "train.bin", split: "train", numRecords: 5 * recordsPerFile },
        { name: "test.bin", split: "test", numRecords: recordsPerFile },
      ],
    },
  ];
}

/** Where a file's bytes come from, and its name for errors. */
interface CifarFile {
  readonly name: string;
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * CIFAR-10 or CIFAR-100 as its authors publish the binary and the Python version: a folder, or a .tar.gz, which is held in
 * memory.
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
  const files = (await isFolder(path)) ? await filesOfFolder(path, layouts) : await filesOfArchive(path, layouts);
  const layout = layouts.find((candidate) => candidate.files.every(({ name }) => files.has(name)));
  if (layout === undefined) {
    const wanted = layouts.map((candidate) => candidate.files.map(({ name }) => name).join(", "));
    throw new Cifar5mError(
      "import/missing-file",
      `${path} must hold ${wanted.join(" or ")}, got ${[...files.keys()].join(", ") || "none of them"}. ` +
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
      for (const { name, numRecords } of layout.files) yield* readRecords(files.get(name)!, numRecords, layout);
    },
  };
}

/** The format whose files a folder holds, if any. */
export async function findCifarFormat(folder: string): Promise<CifarLayout["format"] | undefined> {
  const layouts = layoutsOf(1);
  for (const { format, files } of layouts) {
    const path = join(folder, files[0]!.name);
    if ((await sizeOfFile(path)) !== undefined || (await sizeOfFile(pythonName(path))) !== undefined) return format;
  }
  return undefined;
}

async function filesOfFolder(folder: string, layouts: readonly CifarLayout[]): Promise<Map<string, CifarFile>> {
  const files = new Map<string, CifarFile>();
  for (const layout of layouts) {
    for (const { name, numRecords } of layout.files) {
      const path = join(folder, name);
      const bytes = await sizeOfFile(path);
      if (bytes === undefined) {
        const python = pythonName(path);
        if ((await sizeOfFile(python)) === undefined) continue;
        files.set(
          name,
          pythonFile(python, layout, () => readWholeFile(python)),
        );
        continue;
      }
      const expected = numRecords * (layout.labels.length + imageBytes);
      if (bytes !== expected) {
        throw new Cifar5mError(
          "import/wrong-size",
          `${path} must hold ${numRecords} records of ${layout.format}, ${expected} bytes, got ${bytes}. ` +
            "Get the file again: it was cut, or belongs to another data set.",
        );
      }
      files.set(name, { name: path, open: () => createReadStream(path) });
    }
  }
  return files;
}

async function filesOfArchive(path: string, layouts: readonly CifarLayout[]): Promise<Map<string, CifarFile>> {
  const sizes = new Map(
    layouts.flatMap(({ labels, files }) =>
      files.map(({ name, numRecords }) => [name, numRecords * (labels.length + imageBytes)] as const),
    ),
  );
  const pythonFiles = new Map(
    layouts.flatMap((layout) => layout.files.map((file) => [pythonName(file.name), { ...file, layout }] as const)),
  );
  const nameOf = (member: string) =>
    member.replace(/^(\.\/)?(cifar-10-batches-bin\/|cifar-100-binary\/|cifar-10-batches-py\/|cifar-100-python\/)?/, "");
  const sizeOf = (member: string) => {
    const python = pythonFiles.get(nameOf(member));
    return sizes.get(nameOf(member)) ?? (python && { atMost: mostPythonBytes(python.numRecords) });
  };
  const members = await readTarGz({ path, sizeOf });
  return new Map(
    members.map(({ path: member, bytes }) => {
      const name = `${path}:${nameOf(member)}`;
      const python = pythonFiles.get(nameOf(member));
      return python === undefined
        ? [nameOf(member), { name, open: () => [bytes] }]
        : [python.name, pythonFile(name, python.layout, async () => bytes)];
    }),
  );
}

/** A file of the Python version, whose bytes are read as those of the binary version. */
function pythonFile(name: string, { labels }: CifarLayout, read: () => Promise<Uint8Array>): CifarFile {
  return {
    name,
    async *open() {
      yield recordsOfPythonBatch(await read(), labels, name);
    },
  };
}

async function* readRecords(file: CifarFile, numRecords: number, layout: CifarLayout): AsyncGenerator<LabeledImages> {
  const { labels: names, classNames } = layout;
  const labelBytes = names.length;
  const recordBytes = labelBytes + imageBytes;
  const reader = new ByteReader(
    file.open(),
    () =>
      new Cifar5mError("import/wrong-size", `${file.name} must hold ${numRecords} records. It was cut: get it again.`),
  );
  try {
    for (let start = 0; start < numRecords; start += chunkRows) {
      const rows = Math.min(chunkRows, numRecords - start);
      const bytes = await reader.read(rows * recordBytes);
      const planar = new Uint8Array(rows * imageBytes);
      const labels = new Uint8Array(rows);
      for (let row = 0; row < rows; row++) {
        const record = bytes.subarray(row * recordBytes, (row + 1) * recordBytes);
        const label = record[labelBytes - 1]!;
        if (label >= classNames.length) throw badLabel(file.name, start + row, label, classNames.length);
        labels[row] = label;
        planar.set(record.subarray(labelBytes), row * imageBytes);
      }
      yield { images: chwToHwc(planar), labels };
    }
  } catch (thrown) {
    throw diskError(thrown, "read", file.name);
  } finally {
    await reader.close();
  }
}

async function sizeOfFile(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? undefined : found.size;
  } catch {
    return undefined;
  }
}

function badLabel(name: string, record: number, label: number, numClasses: number): Cifar5mError {
  return new Cifar5mError(
    "import/label-out-of-range",
    `${name} record ${record}: a label must lie in [0, ${numClasses - 1}], got ${label}. ` +
      "Get the file again: it is damaged, or belongs to another data set.",
  );
}
