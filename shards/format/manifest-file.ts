import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { sealJson } from "../../storage/canonical-json.ts";
import { type Committed, replaceBytes } from "../../storage/commit.ts";
import { pathExists } from "../../storage/durable-folder.ts";
import { joinPath } from "../../storage/join-path.ts";
import { objectsAt } from "../../storage/object-files.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import {
  grownManifestVersion,
  hashShards,
  type Manifest,
  manifestName,
  manifestVersion,
  parseManifest,
  parseManifestText,
} from "./manifest.ts";

/**
 * Publishes a manifest, the last step of a build. An existing manifest is replaced atomically.
 * @param directory - the dataset folder
 * @param manifest - without `version` and `sha256`, which are computed here
 * @throws Cifar5mError `manifest/invalid`; `disk/…`
 */
export async function writeManifest(
  directory: string,
  manifest: Omit<Manifest, "version" | "sha256">,
): Promise<Committed & { readonly manifest: Manifest }> {
  const path = joinPath(directory, manifestName);
  const sealed = sealManifest(path, manifest);
  return { ...(await replaceBytes(path, sealed.text)), manifest: sealed.manifest };
}

/**
 * The manifest that `writeManifest` would write, and its text.
 * @param path - of its file, for errors
 * @throws Cifar5mError `manifest/invalid`
 */
export function sealManifest(
  path: string,
  manifest: Omit<Manifest, "version" | "sha256">,
): { readonly manifest: Manifest; readonly text: string } {
  const version = manifest.growth === undefined ? manifestVersion : grownManifestVersion;
  const whole = { version, sha256: hashShards(manifest.splits, manifest.growth), ...manifest };
  const checked = parseManifest(whole, path);
  return { manifest: checked, text: sealJson(checked) };
}

/**
 * @param directory - the dataset folder
 * @throws Cifar5mError `manifest/missing`, `manifest/invalid`, `manifest/version-unsupported`, `json/corrupt`, `disk/…`
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = joinPath(directory, manifestName);
  const text = await readTextIfAny(path).catch((thrown) => {
    if (!hasCode(thrown, "disk/not-a-folder")) throw thrown;
    const what = `a data set must be a folder, but ${directory} lies in a file or is one.`;
    throw new Cifar5mError(thrown.code, `${what} Point at the folder that holds ${manifestName}.`, { cause: thrown });
  });
  if (text !== undefined) return parseManifestText(text, path);
  const isThere = objectsAt(directory) !== undefined || (await pathExists(directory).catch(() => true));
  throw new Cifar5mError(
    "manifest/missing",
    isThere
      ? `${path} does not exist, so ${directory} is not a finished data set. Point at RUN/dataset, or run the build to its end.`
      : `${directory} does not exist. Check the path, or run the build to its end.`,
  );
}

/**
 * Reads the manifest of a data set folder, or undefined if there is none yet. Throws as `readManifest` for a damaged
 * one.
 */
export async function readManifestIfAny(directory: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(directory);
  } catch (thrown) {
    if (hasCode(thrown, "manifest/missing")) return undefined;
    throw thrown;
  }
}
