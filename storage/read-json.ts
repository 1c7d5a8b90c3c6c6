import { Cifar5mError, messageOf } from "../core/errors.ts";
import { parseJson } from "../core/parse-json.ts";
import { readWholeFile } from "./read-file.ts";

/**
 * The value in a JSON file that a user wrote.
 * @param options.code - of the error about what is no JSON
 * @param options.rule - what the file must be, in that error
 * @param options.advice - what to do about it
 * @throws Cifar5mError `disk/…`; `options.code`
 */
export async function readJson(
  path: string,
  options: { readonly code: string; readonly rule?: string; readonly advice: string },
): Promise<unknown> {
  const { code, rule = "must be JSON", advice } = options;
  const text = Buffer.from(await readWholeFile(path)).toString("utf8");
  try {
    return parseJson(text);
  } catch (thrown) {
    throw new Cifar5mError(code, `${path} ${rule}: ${messageOf(thrown)}. ${advice}`);
  }
}
