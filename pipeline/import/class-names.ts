import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { readTextIfAny } from "../../storage/read-text.ts";

/** A file beside a set that names its classes, one a line; the line number, from 0, is the label. */
export const classNamesFile = "class-names.txt";

/** The loader stores labels as bytes. */
const maxClasses = 256;
/** The length of a folder's name on every usual file system. */
const maxNameBytes = 255;

/**
 * @param path - named in errors
 * @param advice - what to do about other names
 * @returns the names, if they are usable as class names
 * @throws Cifar5mError `import/bad-class-names` unless there are 1 to 256, all different, and each can be the name of a
 *   folder anywhere
 */
export function requireClassNames(
  classNames: readonly string[],
  path: string,
  advice = "Rename or remove some.",
): readonly string[] {
  const refuse = (what: string) => {
    throw new Cifar5mError("import/bad-class-names", `${path} ${what}. ${advice}`);
  };
  if (classNames.length < 1 || classNames.length > maxClasses) {
    refuse(`must name 1 to ${maxClasses} classes, got ${classNames.length}`);
  }
  const seen = new Set<string>();
  for (const name of classNames) {
    const shown = JSON.stringify(name.slice(0, 60));
    const bytes = Buffer.byteLength(name);
    if (bytes > maxNameBytes)
      refuse(`must name classes in at most ${maxNameBytes} bytes of UTF-8, got ${bytes} of ${shown}`);
    if (!isSafeName(name)) refuse(`must name classes in letters, digits, spaces and the like, got ${shown}`);
    if (seen.has(name)) refuse(`must name each class once, got ${shown} twice`);
    seen.add(name);
  }
  return classNames;
}

/**
 * Makes sure that class names can be lines of class-names.txt.
 * @throws Cifar5mError `import/bad-class-names`
 */
export function requireLines(classNames: readonly string[], path: string): void {
  const bad = classNames.find((name) => /[\r\n]/.test(name));
  if (bad === undefined) return;
  throw new Cifar5mError(
    "import/bad-class-names",
    `${path} must name classes without line breaks, since ${classNamesFile} has a line for each, got ${JSON.stringify(bad.slice(0, 60))}. ` +
      "Write the set again with other names.",
  );
}

/** The names in a folder's class-names.txt, or undefined if the file does not exist. */
export async function readClassNames(folder: string): Promise<readonly string[] | undefined> {
  const path = join(folder, classNamesFile);
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return requireClassNames(lines, path);
}

/** Whether a class name can be the name of a folder: no path, no hidden name, no invisible characters. */
function isSafeName(name: string): boolean {
  return name === name.trim() && /^[^./\\:*?"<>|\p{C}][^/\\:*?"<>|\p{C}]*$/u.test(name);
}
