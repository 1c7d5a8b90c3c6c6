import type { Options } from "yargs";
import type { Step, StepOptions } from "../pipeline/steps.ts";
import { uploadStep } from "../pipeline/upload.ts";

/** `--to`, of the commands that can publish elsewhere. */
export const uploadOption = {
  type: "string",
  requiresArg: true,
  describe: "then upload the data set to s3://bucket/prefix or a folder; the manifest comes last",
} as const satisfies Options;

/** The step that `--to` asks for, if it was given. @throws BuilderError `store/bad-location` */
export function uploadSteps(stepOptions: StepOptions, to: string | undefined): readonly Step[] {
  if (to === undefined) return [];
  // The SDK would advise to upgrade Node 20; the release of it that we install is made for it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  return [uploadStep(stepOptions, to)];
}
