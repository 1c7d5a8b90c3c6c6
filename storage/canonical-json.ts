import { Cifar5mError } from "../core/errors.ts";
import { shortHash } from "../core/format.ts";
import { hashText } from "../core/hash-text.ts";
import { isObject } from "../core/is-object.ts";
import { parseJson } from "../core/parse-json.ts";

/** Anything JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/**
 * JSON with sorted keys, so that equal values give equal text. Keys whose value is undefined are left out.
 * @param indent - spaces a level; 0 (default) puts all on one line
 * @throws Cifar5mError `json/not-representable` for a number that is not finite, a bigint, function or symbol
 */
export function canonicalJson(value: unknown, indent = 0): string {
  return JSON.stringify(sortKeys(value, "value"), null, indent);
}

/** Hexadecimal sha256 of the canonical JSON of a configuration: the identity that receipts and manifests carry. */
export function hashConfig(config: unknown): string {
  return hashText(canonicalJson(config));
}

/**
 * Makes the text of a file that can tell whether it was altered: canonical JSON with a `checksum` of all other keys.
 */
export function sealJson(value: object): string {
  return `${canonicalJson({ ...value, checksum: hashConfig(value) }, 2)}\n`;
}

const remakeAdvice = "It is damaged or was edited by hand: delete it and run again to rebuild it.";

/**
 * Reads the value that `sealJson` wrote, without its checksum.
 * @param path - named in errors
 * @param advice - what it may be, and what to do about it
 * @throws Cifar5mError `json/corrupt` if the text is not a JSON object, does not match its checksum, or is not, byte for
 *   byte, what `sealJson` writes: a lost last line break is damage too
 */
export function unsealJson(text: string, path: string, advice = remakeAdvice): Record<string, unknown> {
  const corrupt = (what: string, cause?: unknown) =>
    new Cifar5mError("json/corrupt", `${path} ${what}. ${advice}`, { cause });
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (thrown) {
    throw corrupt("must be JSON, and is not", thrown);
  }
  if (!isObject(parsed)) {
    throw corrupt(`must hold a JSON object, got ${Array.isArray(parsed) ? "an array" : String(parsed)}`);
  }
  const { checksum, ...value } = parsed;
  const actual = hashOf(value, corrupt);
  if (checksum !== actual) {
    throw corrupt(`has sha256 ${shortHash(actual)}, its checksum says ${shortHash(String(checksum))}`);
  }
  if (text !== sealJson(value)) throw corrupt("must be laid out as it was written, and is not");
  return value;
}

/** `hashConfig` of what a file holds. `1e999` in its text is a number that is not finite. */
function hashOf(value: object, corrupt: (what: string, cause: unknown) => Cifar5mError): string {
  try {
    return hashConfig(value);
  } catch (thrown) {
    throw corrupt("must hold finite numbers, and does not", thrown);
  }
}

function sortKeys(value: unknown, path: string): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => sortKeys(item, `${path}[${index}]`));
  if (typeof value === "object") {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item, `${path}.${key}`)]));
  }
  throw new Cifar5mError(
    "json/not-representable",
    `${path} must be a finite number, string, boolean, null, array or object, got ${String(value)}. Convert it first.`,
  );
}
