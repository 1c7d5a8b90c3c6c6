import { resolve } from "node:path";
import { Cifar5mError } from "../core/errors.ts";
import { readImportedRun } from "../pipeline/import/imported-run.ts";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import { manifestStep, publishStep } from "../pipeline/steps.ts";
import { readManifest } from "../shards/index.ts";
import { type Command, datasetKeys } from "./cli/command.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { uploadOption, uploadSteps } from "./cli/upload-option.ts";

export const publishCommand: Command = {
  words: ["publish"],
  describe: "write the Arrow shards, then the manifest",
  configKeys: datasetKeys,
  remoteOption: "to",
  options: {
    manifest: { type: "boolean", default: true, describe: "write the manifest; one of several workers is enough" },
    to: uploadOption,
  },
  steps: async ({ root, stepOptions, option, flag }) => {
    const [withManifest, to] = [flag("manifest") !== false, option("to")];
    if (to !== undefined && !withManifest) {
      throw new Cifar5mError("usage/unfinished-upload", "--to uploads a whole data set, so it needs the manifest.");
    }
    // An imported set is published already.
    if (to !== undefined && (await readImportedRun(root)) !== undefined) return uploadSteps(stepOptions, to);
    return [
      publishStep(stepOptions),
      ...(withManifest ? [manifestStep(stepOptions)] : []),
      ...uploadSteps(stepOptions, to),
    ];
  },
  finish: async ({ root, option, flag }) => {
    const { dataset } = runFolderAt(root);
    if (flag("manifest") === false) {
      process.stdout.write(`published: this worker's shards in ${resolve(dataset)}, without the manifest\n`);
      return;
    }
    const { train, test } = (await readManifest(dataset)).splits;
    process.stdout.write(
      `published: ${train.rows} train and ${test.rows} test images in ${option("to") ?? resolve(dataset)}\n`,
    );
  },
};

await runIfMain(import.meta.url, publishCommand);
