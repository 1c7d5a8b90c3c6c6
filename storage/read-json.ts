import { Cifar5mError, messageOf } from "../core/errors.ts";
import { parseJson } from "../core/parse-json.ts";
import { readWholeFile } from "./read-file.ts";

/**
 * Reads the value in a JSON file that a user wrote.
 * @param options.code - code of the error for a file that is not JSON
 * @param options.rule - what the file must be, as that error says it
 * @param options.advice - what the user should do about the file
 * @throws Cifar5mError `disk/…`; `options.code`
 */
export async function readJson(
  path: string,
  options: { readonly code: string; readonly rule?: string; readonly advice: string },
): Promise<unknown> {
  const { code, rule = "must be JSON", advice } = options;
  const text = (await readWholeFile(path)).toString("utf8");
  try {
    return parseJson(text);
  } catch (thrown) {
    throw new Cifar5mError(code, `${path} ${rule}: ${messageOf(thrown)}. ${advice}`);
  }
}
