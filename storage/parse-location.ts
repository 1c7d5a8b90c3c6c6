import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Cifar5mError } from "../core/errors.ts";
import { systemCodeOf } from "./disk-error.ts";

/** Where a data set is stored. */
export type Location =
  | { readonly kind: "folder"; readonly directory: string }
  | { readonly kind: "http" | "s3"; readonly url: string };

/**
 * Tells folders, `file:` URLs and remote locations apart.
 * @throws Cifar5mError `store/bad-location` for a scheme that this release does not read, for a `file:` URL of no path on
 *   this machine, for an empty string, and for what is not a string
 */
export function parseLocation(given: string | URL): Location {
  const location: unknown = given instanceof URL ? textOf(given) : given;
  if (typeof location !== "string") {
    const what = `a location must be a string or a URL, got ${JSON.stringify(location) ?? String(location)}.`;
    throw new Cifar5mError("store/bad-location", `${what} Pass a folder or a URL.`);
  }
  if (location.trim() === "") {
    throw new Cifar5mError("store/bad-location", "a location must be a folder or a URL, got an empty text. Name one.");
  }
  if (/^(https?|s3)\/\//i.test(location)) {
    throw new Cifar5mError(
      "store/bad-location",
      `${hideSecrets(location.replace("//", "://"))} must have a colon after its scheme, and has none. Correct it.`,
    );
  }
  // A scheme of one letter is a Windows drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(location)?.[1]?.toLowerCase();
  if (scheme === "http" || scheme === "https") return { kind: "http", url: location };
  if (scheme === "s3") {
    parseS3Location(location);
    return { kind: "s3", url: location };
  }
  if (scheme === "file") return { kind: "folder", directory: pathOfFileUrl(location) };
  if (scheme === undefined || !location.startsWith(`${scheme}://`))
    return { kind: "folder", directory: resolve(location) };
  throw new Cifar5mError(
    "store/bad-location",
    `${hideSecrets(location)} must be a folder, or begin with file://, http://, https:// or s3://, got ${scheme}://. Use one of these.`,
  );
}

/** A URL escapes in keys of a bucket what a string has as it is. @throws Cifar5mError `store/bad-location` */
function textOf({ protocol, host, pathname, search, hash, href }: URL): string {
  if (protocol !== "s3:") return href;
  try {
    return `s3://${decodeURIComponent(host)}${decodeURIComponent(pathname)}${search}${hash}`;
  } catch {
    const rule = "must have percent signs only where they escape UTF-8";
    throw new Cifar5mError("store/bad-location", `${hideSecrets(href)} ${rule}, and has others. Correct it.`);
  }
}

/**
 * The path of a folder on this machine: a path, or a `file:` URL.
 * @param what - names it in errors
 * @throws Cifar5mError `store/bad-location` for any other location; as `parseLocation`
 */
export function parseFolder(given: string | URL, what: string): string {
  const parsed = parseLocation(given);
  if (parsed.kind === "folder") return parsed.directory;
  throw new Cifar5mError(
    "store/bad-location",
    `${what} must be a folder on this machine, got ${hideSecrets(parsed.url)}. Name a path, or a file:// URL.`,
  );
}

function pathOfFileUrl(url: string): string {
  const refuse = (what: string) => {
    const rule = "must be the file: URL of a path on this machine, like file:///data/set";
    return new Cifar5mError("store/bad-location", `${hideSecrets(url)} ${rule}: ${what}. Correct it.`);
  };
  let path: string;
  try {
    path = fileURLToPath(url);
  } catch (thrown) {
    // The messages of Node name neither rule nor part, and one of them has the whole URL.
    const code = systemCodeOf(thrown);
    if (code === "ERR_INVALID_FILE_URL_HOST") throw refuse("it names another host");
    if (code === "ERR_INVALID_FILE_URL_PATH") throw refuse("its path has an encoded slash, or is not absolute");
    throw refuse(thrown instanceof URIError ? "a percent sign in it escapes nothing" : "it is not a valid URL");
  }
  if (path.includes("\0")) throw refuse("it has a zero byte");
  return path;
}

/**
 * @returns bucket and prefix; the prefix has no slash at its end
 * @throws Cifar5mError `store/bad-location`
 */
export function parseS3Location(location: string): { readonly bucket: string; readonly prefix: string } {
  const [, scheme = "", bucket = "", path = ""] = /^([^:]*:\/{0,2})([^/]*)\/?(.*)$/s.exec(location) ?? [];
  const refuse = (what: string) => {
    const shown = hideSecrets(location);
    return new Cifar5mError("store/bad-location", `${shown} must be like s3://bucket/prefix: ${what}. Correct it.`);
  };
  if (scheme !== "s3://") throw refuse(`it begins with ${scheme}, not with s3:// in small letters`);
  if (!/^[a-z0-9][a-z0-9.-]+$/.test(bucket)) {
    throw refuse("a bucket's name has small letters, digits, dots and hyphens, at least two, and nothing else");
  }
  const culprit = /[?#]/.exec(path)?.[0];
  if (culprit !== undefined) throw refuse(`a prefix holds no ${culprit}`);
  return { bucket, prefix: path.replace(/\/+$/, "") };
}

/**
 * A location in the form that may be shown: without name and password, query and fragment, which often are keys.
 * @param location - if it is malformed, everything up to a possible password is left out
 */
export function hideSecrets(location: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/*/i.exec(location)?.[0];
  // A scheme of one letter is a Windows drive.
  if (scheme === undefined || /^.:/.test(location)) return location;
  const rest = location.slice(scheme.length);
  const publicPart = rest.includes("@") ? `…${rest.slice(rest.lastIndexOf("@"))}` : rest;
  return scheme + publicPart.replace(/[?#].*$/s, "");
}
