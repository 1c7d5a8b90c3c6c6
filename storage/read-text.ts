import { readFileIfAny } from "./read-file.ts";

/**
 * The text of a file, or undefined if there is none.
 * @throws Cifar5mError `disk/…`
 */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  return (await readFileIfAny(path))?.toString("utf8");
}
