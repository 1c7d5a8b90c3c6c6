import { resolve } from "node:path";
import { Cifar5mError } from "../core/errors.ts";
import { writeContactSheet } from "../pipeline/inspect/contact-sheet.ts";
import { inspectRun, type RunState } from "../pipeline/inspect/inspect.ts";
import { runFolderAt } from "../pipeline/run/run-folder.ts";
import type { Command, Session } from "./cli/command.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { summarizeRunFolder } from "./cli/summarize-run-folder.ts";

export const inspectCommand: Command = {
  words: ["inspect"],
  describe: "print what a run holds, draw a contact sheet",
  positional: "run",
  configKeys: [],
  finish: async ({ root }) => {
    const state = await inspectRun(root);
    if (!isAnything(state)) {
      throw new Cifar5mError(
        "run/missing",
        `${root} must be a run folder with something in it, and is not. Name one, or build one with \`cifar5m build\`.`,
      );
    }
    printLines(...summarizeRunFolder(state));
    await printContactSheet(root);
  },
};

function isAnything({ run, imported, hasCifar10, models, manifest }: RunState): boolean {
  return [run, imported, manifest].some((part) => part !== undefined) || hasCifar10 || Object.keys(models).length > 0;
}

/** Draws the contact sheet of a published data set and prints its path. */
export async function printContactSheet(root: Session["root"]): Promise<void> {
  const { manifest } = await inspectRun(root);
  if (manifest === undefined) return;
  const { dataset, contactSheet } = runFolderAt(root);
  await writeContactSheet({ directory: dataset, manifest, path: contactSheet });
  printLines(`contact sheet: ${resolve(contactSheet)}`);
}

await runIfMain(import.meta.url, inspectCommand);
