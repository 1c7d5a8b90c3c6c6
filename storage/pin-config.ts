import { Cifar5mError } from "../core/errors.ts";
import { isObject } from "../core/is-object.ts";
import { plainText } from "../core/plain-text.ts";
import { canonicalJson, hashConfig, sealJson, unsealJson } from "./canonical-json.ts";
import { commitBytes, replaceBytes } from "./commit.ts";
import { readTextIfAny } from "./read-text.ts";

/** Keys and values that determine bytes, nested as in the configuration. */
export type Identity = Readonly<Record<string, unknown>>;

const version = 1;
/** A configuration with a size beside it, which is not part of its hash; see `pipeline/run/pinned-run.ts`. */
const sizedVersion = 2;

/** Keys that an error names; of more, the number. */
const maxShown = 5;

const leaveOut = "Leave these options out to go on as before, or name a new run folder with --run.";

/**
 * Pins what something is made from. The first caller writes it down; every later caller must bring the same values.
 * @param path - for example RUN/run.json
 * @param advice - what to do when the values differ
 * @returns the hash of the identity, for receipts
 * @throws Cifar5mError `run/config-changed`, naming the keys that differ; `run/unreadable`; `disk/…`
 */
export async function pinConfig(path: string, identity: Identity, advice = leaveOut): Promise<string> {
  const hash = hashConfig(identity);
  let pinned = await readPinnedConfig(path);
  if (pinned === undefined) {
    await commitBytes(path, sealPinned(identity));
    pinned = (await readPinnedConfig(path)) ?? identity;
  }
  requireSameIdentity(path, pinned, identity, advice);
  return hash;
}

/** @throws Cifar5mError `run/config-changed`, naming the keys that differ */
export function requireSameIdentity(path: string, pinned: Identity, identity: Identity, advice = leaveOut): void {
  const differing = differingKeys(pinned, identity);
  if (differing.length === 0) return;
  const rest = differing.length - maxShown;
  const shown = [...differing.slice(0, maxShown), ...(rest > 0 ? [`and ${rest} more`] : [])];
  throw new Cifar5mError("run/config-changed", `${path} was begun with other values: ${shown.join("; ")}. ${advice}`);
}

/**
 * Replaces a pinned value, for callers with a rule of their own that allows the change.
 * @throws Cifar5mError `disk/…`
 */
export async function repinConfig(path: string, identity: Identity): Promise<void> {
  await replaceBytes(path, sealPinned(identity));
}

/** The text of a file that pins a configuration, with a size beside it if there is one. */
export function sealPinned(identity: Identity, size?: object): string {
  const pinned = { hash: hashConfig(identity), config: identity };
  return sealJson(size === undefined ? { version, ...pinned } : { version: sizedVersion, ...pinned, size });
}

/**
 * Reads what was pinned, or undefined if nothing was.
 * @param damaged - what to do about a damaged file
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function readPinnedConfig(path: string, damaged?: string): Promise<Identity | undefined> {
  return (await readPinned(path, damaged))?.config;
}

/** `readPinnedConfig` with the size beside it, if there is one. */
export async function readPinned(
  path: string,
  damaged?: string,
): Promise<{ readonly config: Identity; readonly size: unknown } | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  const { version: found, config, size } = unsealJson(text, path, damaged);
  const unreadable = (what: string) =>
    new Cifar5mError("run/unreadable", `${path} must ${what}. Use the cifar5m that wrote it.`);
  if (found !== version && found !== sizedVersion) {
    throw unreadable(`be version ${version} or ${sizedVersion}, got ${canonicalJson(found ?? null)}`);
  }
  if (!isObject(config))
    throw unreadable(`hold an object as config, got ${plainText(canonicalJson(config ?? null), 80)}`);
  if (found === sizedVersion && size === undefined) throw unreadable("hold a size, and does not");
  return { config, size };
}

/** `count is 1200, now 2400` for every key whose value differs. */
function differingKeys(pinned: Identity, wanted: Identity): string[] {
  const before = flatten(pinned);
  const now = flatten(wanted);
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter((key) => before.get(key) !== now.get(key))
    .sort()
    .map((key) => `${key} is ${before.get(key) ?? "not set"}, now ${now.get(key) ?? "not set"}`);
}

function flatten(value: Identity, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, inner] of Object.entries(value)) {
    if (isObject(inner)) {
      for (const [key, text] of flatten(inner, `${prefix}${name}.`)) flat.set(key, text);
    } else if (inner !== undefined) flat.set(prefix + name, canonicalJson(inner));
  }
  return flat;
}
