import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import { uploadStep } from "../../pipeline/stages/upload.ts";

/** The step that `--to` asks for, if it was given. @throws Cifar5mError `store/bad-location` */
export function uploadSteps(stepOptions: StepOptions, to: string | undefined): readonly Step[] {
  return to === undefined ? [] : [uploadStep(stepOptions, to)];
}
