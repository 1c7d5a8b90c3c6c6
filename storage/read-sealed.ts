import { unsealJson } from "./canonical-json.ts";
import { readWholeFile } from "./read-file.ts";

/**
 * Reads the value in a file that `sealJson` made, without its checksum.
 * @param advice - what to do about a damaged file
 * @throws Cifar5mError `disk/…`; `json/corrupt` as `unsealJson`
 */
export async function readSealed(path: string, advice?: string): Promise<Record<string, unknown>> {
  return unsealJson((await readWholeFile(path)).toString("utf8"), path, advice);
}
