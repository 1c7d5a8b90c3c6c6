import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import { uploadStep } from "../../pipeline/stages/upload.ts";
import { absolutePath } from "../../storage/join-path.ts";
import { isBucket } from "../../storage/object-files.ts";
import { parseLocation } from "../../storage/parse-location.ts";

/**
 * Refuses to upload what is in a bucket, into another run, and into the run itself, but for its data set's own place.
 * @throws Cifar5mError `usage/contradiction`, `store/bad-location`
 */
export function requireUploadable(run: string, to: string | undefined): void {
  if (to === undefined) return;
  const { dataset } = runFolderAt(run);
  if (isBucket(run)) {
    throw new Cifar5mError(
      "usage/contradiction",
      `--to uploads the data set of a run folder, and ${run} is in a bucket: readers open ${dataset}. Leave --to out.`,
    );
  }
  const target = parseLocation(to);
  if (target.kind !== "folder" || realPathOf(target.directory) === realPathOf(dataset)) return;
  if (liesWithin(run, target.directory)) {
    throw new Cifar5mError(
      "usage/contradiction",
      `--to must be a folder outside of the run's, got ${to}: the files of a copy would be mixed with those of the stages, or read in the place of ${dataset}. Name another folder.`,
    );
  }
  const other = findRunAround(realPathOf(target.directory));
  if (other === undefined) return;
  throw new Cifar5mError(
    "usage/contradiction",
    `--to must be a folder for a data set alone, got ${to}, and ${other} is a run: it would have two data sets. Name another folder.`,
  );
}

/** The run that a folder is, or lies in. */
function findRunAround(folder: string): string | undefined {
  if (existsSync(runFolderAt(folder).config)) return folder;
  const parent = dirname(folder);
  return parent === folder ? undefined : findRunAround(parent);
}

/** Whether a path is a folder or lies below it. */
function liesWithin(folder: string, path: string): boolean {
  // Between drives of Windows there is no relative path.
  const way = relative(realPathOf(folder), realPathOf(path));
  return way.split(sep)[0] !== ".." && !isAbsolute(way);
}

/** A path without symbolic links, as far as it exists. */
function realPathOf(path: string): string {
  const absolute = absolutePath(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(realPathOf(parent), basename(absolute));
  }
}

/**
 * The step that `--to` asks for, if it was given.
 * @throws Cifar5mError `store/bad-location`; as `requireUploadable`
 */
export function uploadSteps(stepOptions: StepOptions, to: string | undefined): readonly Step[] {
  requireUploadable(stepOptions.folder.root, to);
  return to === undefined ? [] : [uploadStep(stepOptions, to)];
}
