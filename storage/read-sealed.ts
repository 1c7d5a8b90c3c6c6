import { unsealJson } from "./canonical-json.ts";
import { readWholeFile } from "./read-file.ts";

/**
 * Reads the value in a file that `sealJson` made, without its checksum.
 * @throws Cifar5mError `disk/…`; `json/corrupt` as `unsealJson`
 */
export async function readSealed(path: string): Promise<Record<string, unknown>> {
  return unsealJson((await readWholeFile(path)).toString("utf8"), path);
}
