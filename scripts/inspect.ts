import { resolve } from "node:path";
import { writeContactSheet } from "../pipeline/contact-sheet.ts";
import { inspectRun } from "../pipeline/inspect.ts";
import { runFolderAt } from "../pipeline/run-folder.ts";
import type { Command, Session } from "./command.ts";
import { describeRun } from "./describe-run.ts";
import { runIfMain } from "./run-if-main.ts";

export const inspectCommand: Command = {
  words: ["inspect"],
  describe: "print what a run holds, draw a contact sheet",
  configKeys: [],
  finish: async ({ root }) => {
    const state = await inspectRun(root);
    for (const line of describeRun(state)) process.stdout.write(`${line}\n`);
    await printContactSheet(root);
  },
};

/** Draws the contact sheet of a published data set and prints its path. */
export async function printContactSheet(root: Session["root"]): Promise<void> {
  const { manifest } = await inspectRun(root);
  if (manifest === undefined) return;
  const { dataset, contactSheet } = runFolderAt(root);
  await writeContactSheet({ directory: dataset, manifest, path: contactSheet });
  process.stdout.write(`contact sheet: ${resolve(contactSheet)}\n`);
}

await runIfMain(import.meta.url, inspectCommand);
