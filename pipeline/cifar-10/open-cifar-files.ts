import { joinPath } from "../../storage/join-path.ts";
import { isFile, isFolder, listFolder } from "../../storage/list-folder.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { type CifarFile, sizeOfRecords } from "./cifar-10-files.ts";
import { mostPythonBytes, pythonName, recordsOfPythonBatch } from "./python-batch.ts";
import { readTarGz } from "./read-tar.ts";

/** A file that a folder or an archive holds, in either version. */
export interface FoundFile {
  /** Where it is, for errors. */
  readonly path: string;
  /**
   * Its records, in the layout of the binary version. Their number and their labels are not checked.
   * @throws Cifar5mError `cifar10/no-batch`, `disk/…`
   */
  readonly read: () => Promise<Uint8Array>;
}

/**
 * Finds files of CIFAR-10 or CIFAR-100, as their authors publish the binary and the Python version.
 * @param path - a folder, or a .tar.gz, whose wanted members are held in memory. If a folder has both versions of a file,
 *   the binary one counts; if an archive has several, the first one
 * @returns those that exist, by their names in the binary version
 * @throws Cifar5mError `archive/…`, `disk/…`
 */
export async function openCifarFiles(path: string, files: readonly CifarFile[]): Promise<Map<string, FoundFile>> {
  return (await isFolder(path)) ? await findInFolder(path, files) : await findInArchive(path, files);
}

/** The folders that the authors' archives have, and torchvision unpacks. */
const authorsFolders = ["cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python"];

/**
 * The question that an error asks where the files are one folder deeper; empty if they are not.
 * @param path - a folder or a file
 * @throws Cifar5mError `disk/…`
 */
export async function askForInnerFolder(path: string): Promise<string> {
  const names = (await isFolder(path)) ? await listFolder(path) : [];
  const inner = authorsFolders.filter((name) => names.includes(name));
  return inner.length === 0 ? "" : `Did you mean ${inner.map((name) => joinPath(path, name)).join(" or ")}? `;
}

async function findInFolder(folder: string, files: readonly CifarFile[]): Promise<Map<string, FoundFile>> {
  const found = new Map<string, FoundFile>();
  for (const file of files) {
    const binary = fileAt(joinPath(folder, file.name));
    const python = fileAt(joinPath(folder, pythonName(file.name)));
    if (await isFile(binary.path)) found.set(file.name, binary);
    else if (await isFile(python.path)) found.set(file.name, pythonFile(file, python));
  }
  return found;
}

async function findInArchive(path: string, files: readonly CifarFile[]): Promise<Map<string, FoundFile>> {
  const binaryFiles = new Map(files.map((file) => [file.name, file]));
  const pythonFiles = new Map(files.map((file) => [pythonName(file.name), file]));
  const sizeOf = (member: string) => {
    const binary = binaryFiles.get(nameOf(member));
    if (binary !== undefined) return sizeOfRecords(binary);
    const python = pythonFiles.get(nameOf(member));
    return python && { atMost: mostPythonBytes(python.numRecords) };
  };
  const found = new Map<string, FoundFile>();
  for (const member of await readTarGz({ path, sizeOf })) {
    const python = pythonFiles.get(nameOf(member.path));
    const name = python?.name ?? nameOf(member.path);
    if (found.has(name)) continue;
    const asStored = { path: `${path}:${member.path}`, read: async () => member.bytes };
    found.set(name, python === undefined ? asStored : pythonFile(python, asStored));
  }
  return found;
}

/** The name of a member without the folder that the authors' archives have. */
function nameOf(member: string): string {
  return member.replace(/^(\.\/)?((cifar-10-batches-(bin|py)|cifar-100-(binary|python))\/)?/, "");
}

function fileAt(path: string): FoundFile {
  return { path, read: () => readWholeFile(path) };
}

/** A file of the Python version, whose records are read in the layout of the binary version. */
function pythonFile({ labels }: CifarFile, { path, read }: FoundFile): FoundFile {
  return { path, read: async () => recordsOfPythonBatch(await read(), labels, path) };
}
