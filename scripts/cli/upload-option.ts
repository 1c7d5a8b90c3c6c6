import type { Options } from "yargs";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import { uploadStep } from "../../pipeline/stages/upload.ts";

/** `--to`, of the commands that can publish elsewhere. */
export const uploadOption = {
  type: "string",
  requiresArg: true,
  describe: "then upload the data set to s3://bucket/prefix or a folder; the manifest comes last",
} as const satisfies Options;

/** The step that `--to` asks for, if it was given. @throws Cifar5mError `store/bad-location` */
export function uploadSteps(stepOptions: StepOptions, to: string | undefined): readonly Step[] {
  if (to === undefined) return [];
  return [uploadStep(stepOptions, to)];
}
