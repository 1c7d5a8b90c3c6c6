import { rm } from "node:fs/promises";
import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { programVersion } from "../../core/program-version.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { commitUnit } from "../../storage/commit-unit.ts";
import { joinPath } from "../../storage/join-path.ts";
import { isBucket } from "../../storage/object-files.ts";
import { fileExists } from "../../storage/read-file.ts";
import { type Receipt, readReceiptIfAny } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { requireNoDataset } from "../run/require-no-dataset.ts";
import type { RunFolder } from "../run/run-folder.ts";
import type { StageContext } from "../run/stage.ts";
import { type Cifar10File, cifar10Files } from "./cifar-10-files.ts";
import { download } from "./download.ts";
import { type Cifar10Bytes, readCifar10Files } from "./read-cifar-10.ts";

/** The official archive. */
const officialArchive = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
} as const;

/** What to fetch. */
export interface FetchOptions {
  readonly folder: RunFolder;
  /** A folder or .tar.gz of the binary or the Python version; downloaded by default. */
  readonly data?: string;
  /** What to download instead of the official archive. */
  readonly archive?: { readonly url: string; readonly md5: string };
  readonly recordsPerFile: number;
}

/**
 * Brings CIFAR-10 into the run folder, checked, with one receipt per file. A file that was deleted there is brought again.
 * @returns an async generator over the six files, each yielded when the run folder holds it
 * @throws Cifar5mError `cifar10/…`, `archive/…`, `download/…`, `run/data-changed`, `disk/…`
 */
export async function* fetchCifar10(options: FetchOptions, context: StageContext): AsyncGenerator<Cifar10File> {
  const { folder, data, recordsPerFile } = options;
  const files = cifar10Files(recordsPerFile);
  await requireNoDataset(folder);
  if (data === undefined && isBucket(folder.root)) {
    throw new Cifar5mError(
      "usage/wrong",
      `--data must name CIFAR-10 for ${folder.root}, since a download waits on this machine, and is missing. Add it.`,
    );
  }
  if (data === undefined) {
    if ((await readFetchReceipts(folder)) !== undefined && (await hasFiles(folder))) return;
    await downloadArchive(options, context);
  }
  // Read all files before writing the first one. A run that holds some files of a damaged set would accept no other
  // set.
  const whole: Cifar10Bytes[] = [];
  for await (const read of readCifar10Files(data ?? folder.download, files)) {
    context.signal.throwIfAborted();
    whole.push(read);
  }
  for (const { file, bytes } of whole) {
    await writeFileOfRun({ folder, file, recordsPerFile, bytes, context });
    yield file;
  }
  if (data === undefined) await rm(folder.download, { force: true });
}

/** The receipts of all six files, or undefined if CIFAR-10 is not complete. */
export async function readFetchReceipts(folder: RunFolder): Promise<Receipt[] | undefined> {
  const receipts = await Promise.all(cifar10Files().map(({ name }) => readReceiptIfAny(folder.receipt("fetch", name))));
  return receipts.every((receipt) => receipt !== undefined) ? receipts : undefined;
}

async function hasFiles({ cifar10 }: RunFolder): Promise<boolean> {
  return (await Promise.all(cifar10Files().map(({ name }) => fileExists(joinPath(cifar10, name))))).every(Boolean);
}

async function writeFileOfRun(options: {
  readonly folder: RunFolder;
  readonly file: Cifar10File;
  readonly recordsPerFile: number;
  readonly bytes: Uint8Array;
  readonly context: StageContext;
}): Promise<void> {
  const { folder, file, bytes, context } = options;
  context.signal.throwIfAborted();
  const dataPath = joinPath(folder.cifar10, file.name);
  const actual = sha256(bytes);
  const { receipt } = await commitUnit({
    dataPath,
    receiptPath: folder.receipt("fetch", file.name),
    origin: {
      stage: "fetch",
      unit: Number(/\d/.exec(file.name)?.[0] ?? 6) - 1,
      idStart: file.recordStart,
      idEnd: file.recordStart + file.numRecords,
      configHash: hashConfig({ layout: "cifar-10-binary", recordsPerFile: options.recordsPerFile }),
      models: {},
      createdBy: programVersion,
    },
    write: async (sink) => {
      await sink.write(bytes);
      return file.numRecords;
    },
    // A receipt binds the run to its data even while the file is lost, so other bytes do not take its place.
    isWhole: async (receipt) => receipt.sha256 !== actual || (await fileExists(dataPath)),
  });
  context.count("fetch/images", file.numRecords);
  if (receipt.sha256 === actual) return;
  throw new Cifar5mError(
    "run/data-changed",
    `${file.name} given with --data is sha256 ${shortHash(actual)}, the one in ${folder.cifar10} is ` +
      `${shortHash(receipt.sha256)}. Leave --data out to continue with the run's data, or name a new run folder.`,
  );
}

async function downloadArchive(options: FetchOptions, context: StageContext): Promise<void> {
  await download({
    ...(options.archive ?? officialArchive),
    path: options.folder.download,
    signal: context.signal,
    onBytes: (received, total) =>
      context.show(total === undefined ? "MB" : `MB of ${Math.round(total / 1e6)}`, received / 1e6),
  });
}
