import { join, resolve } from "node:path";
import * as z from "zod";
import { cardOptionsSchema } from "../pipeline/card/card-options.ts";
import { warnOfLicense } from "../pipeline/card/hub-licenses.ts";
import { requireWritten, writeCard } from "../pipeline/card/write-card.ts";
import { companionNames } from "../shards/publish/upload-companions.ts";
import { defineCommand } from "./cli/command.ts";
import { flag, option } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

const { license, prettyName, creator, repository } = cardOptionsSchema.shape;

const options = z.object({
  license: license.meta(
    option("license, by its identifier on the Hugging Face Hub, such as cc0-1.0", {
      fallback: "the last given, or unknown",
      advice: "Identifiers have small letters, digits, dots and dashes.",
    }),
  ),
  prettyName: prettyName.meta(option("title of the card", { fallback: "the last given, or the name of the set" })),
  creator: creator.meta(option("who publishes the set", { fallback: "the last given, or nobody" })),
  repository: repository.meta(
    option("owner/name of the set on the Hugging Face Hub", {
      fallback: "the last given, or none",
      advice: "Write it like owner/name.",
    }),
  ),
  overwrite: flag("replace a README.md that somebody has edited"),
});

export const cardCommand = defineCommand({
  words: ["card"],
  describe: "write README.md and croissant.json of a published set again, from its run, score and audit",
  examples: [
    { line: "cifar5m card runs/mine", effect: "after score or audit, with their figures" },
    { line: "cifar5m card runs/mine --license cc0-1.0 --repository me/mine", effect: "with what no run knows" },
  ],
  target: "dataset",
  options,
  finish: async ({ root, reporter, options: { overwrite, ...given } }) => {
    const warning = given.license === undefined ? undefined : warnOfLicense(given.license);
    if (warning !== undefined) reporter.line(warning);
    const written = await writeCard({ root, given: cardOptionsSchema.parse(given), overwrite });
    requireWritten(written);
    printLines(`card: ${resolve(join(written.directory, companionNames.card))}`);
  },
});

await runIfMain(import.meta.url, cardCommand);
