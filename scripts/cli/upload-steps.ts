import { Cifar5mError } from "../../core/errors.ts";
import { runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import { uploadStep } from "../../pipeline/stages/upload.ts";
import { absolutePath } from "../../storage/join-path.ts";
import { isBucket } from "../../storage/object-files.ts";

/** Refuses to upload what is in a bucket, and into the run folder. @throws Cifar5mError `usage/contradiction` */
export function requireUploadable(run: string, to: string | undefined): void {
  const { dataset } = runFolderAt(run);
  if (to !== undefined && absolutePath(to) === absolutePath(run)) {
    throw new Cifar5mError(
      "usage/contradiction",
      `--to must be another folder than that of the run, got ${to}: a copy there would be read in the place of ${dataset}, also when the set has grown. Name another folder.`,
    );
  }
  if (to === undefined || !isBucket(run)) return;
  throw new Cifar5mError(
    "usage/contradiction",
    `--to uploads the data set of a run folder, and ${run} is in a bucket: readers open ${dataset}. Leave --to out.`,
  );
}

/**
 * The step that `--to` asks for, if it was given.
 * @throws Cifar5mError `store/bad-location`; as `requireUploadable`
 */
export function uploadSteps(stepOptions: StepOptions, to: string | undefined): readonly Step[] {
  requireUploadable(stepOptions.folder.root, to);
  return to === undefined ? [] : [uploadStep(stepOptions, to)];
}
