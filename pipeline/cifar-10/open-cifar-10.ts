import { Cifar5mError } from "../../core/errors.ts";
import type { LabeledImages } from "../../core/image-layout.ts";
import type { Receipt } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import type { Config } from "../run/config.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { readFetchReceipts } from "./fetch.ts";
import { readCifar10 } from "./read-cifar-10.ts";

/** CIFAR-10, in memory. */
export interface Cifar10 {
  readonly train: LabeledImages;
  readonly test: LabeledImages;
  /** sha256 of all images and of the train labels. */
  readonly sha256: string;
}

/**
 * The receipts of a run's copy of CIFAR-10.
 * @param advice - what to do if there is no whole copy
 * @throws Cifar5mError `run/data-missing`
 */
export async function requireCifar10(
  folder: RunFolder,
  advice = `Run \`cifar5m fetch ${folder.root} --data CIFAR-10-FOLDER-OR-TAR.GZ\` first.`,
): Promise<Receipt[]> {
  const receipts = await readFetchReceipts(folder);
  if (receipts !== undefined) return receipts;
  throw new Cifar5mError(
    "run/data-missing",
    `${folder.cifar10} must hold CIFAR-10 with its receipts, and does not. ${advice}`,
  );
}

/**
 * Reads CIFAR-10 from a folder or archive, or the copy that the run has fetched.
 * @param options.data - a folder or .tar.gz of CIFAR-10, binary or Python version
 * @throws Cifar5mError `run/data-missing`, `cifar10/…`, `archive/…`, `disk/…`
 */
export async function openCifar10(options: {
  readonly folder: RunFolder;
  readonly data: string | undefined;
  readonly recordsPerFile: Config["recordsPerFile"];
}): Promise<Cifar10> {
  const { folder, data, recordsPerFile } = options;
  if (data === undefined) {
    await requireCifar10(folder, "Name its folder or .tar.gz with --data, or run `cifar5m fetch` in the run first.");
  }
  const { train, test } = await readCifar10(data ?? folder.cifar10, recordsPerFile);
  return { train, test, sha256: sha256([train.images, train.labels, test.images].map(sha256).join()) };
}
