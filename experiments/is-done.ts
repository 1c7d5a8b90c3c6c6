import { fileExists } from "../storage/read-file.ts";
import { isUnitDone } from "../storage/receipt.ts";
import type { ExperimentFolder } from "./experiment-folder.ts";

/**
 * Whether a run or a pretraining is done: it has a receipt, and the file that it made was not deleted since.
 * @param dataPath - the metrics of a run, the weights of a pretraining
 * @throws Cifar5mError `unit/config-changed`, `receipt/…`, `disk/…`
 */
export async function isDone(
  { receipt }: ExperimentFolder,
  { id, hash }: { readonly id: string; readonly hash: string },
  dataPath: string,
): Promise<boolean> {
  return (await isUnitDone(receipt(id), { configHash: hash })) && (await fileExists(dataPath));
}
