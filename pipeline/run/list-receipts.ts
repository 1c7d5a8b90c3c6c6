import { dirname } from "node:path";
import { joinPath } from "../../storage/join-path.ts";
import { listFolder } from "../../storage/list-folder.ts";
import type { ReceiptStage, RunFolder } from "./run-folder.ts";

/** A subfolder for a thousand units. */
const subfolder = /^\d{3,}$/;

/**
 * The names of the units that have a receipt of a stage, by listing folders: no receipt is read.
 * @returns names as in `Unit.name`
 * @throws Cifar5mError `disk/…`
 */
export async function listReceipts(folder: Pick<RunFolder, "receipt">, stage: ReceiptStage): Promise<Set<string>> {
  const directory = dirname(folder.receipt(stage, "any"));
  const names = new Set<string>();
  for (const name of await listFolder(directory)) {
    if (subfolder.test(name)) {
      for (const inner of await listFolder(joinPath(directory, name))) add(`${name}/${inner}`);
    } else add(name);
  }
  return names;

  function add(file: string): void {
    if (file.endsWith(".json")) names.add(file.slice(0, -".json".length));
  }
}
