import { Cifar5mError } from "../../core/errors.ts";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import { uploadStep } from "../../pipeline/stages/upload.ts";
import { objectsAt } from "../../storage/object-files.ts";

/**
 * The step that `--to` asks for, if it was given.
 * @throws Cifar5mError `store/bad-location`; `usage/contradiction` for a run in a bucket
 */
export function uploadSteps(stepOptions: StepOptions, to: string | undefined): readonly Step[] {
  const { root, dataset } = stepOptions.folder;
  if (to !== undefined && objectsAt(root) !== undefined) {
    throw new Cifar5mError(
      "usage/contradiction",
      `--to uploads the data set of a run folder, and ${root} is in a bucket: readers open ${dataset}. Leave --to out.`,
    );
  }
  return to === undefined ? [] : [uploadStep(stepOptions, to)];
}
