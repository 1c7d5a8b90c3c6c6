import { Cifar5mError } from "../../core/errors.ts";
import { quoteWord } from "../../core/quote-word.ts";
import { splitNames } from "../../shards/format/manifest.ts";
import { companionNames } from "../../shards/publish/upload-companions.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { joinPath } from "../../storage/join-path.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { hasEdits } from "../../storage/sealed-text.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { renderDatasetSheet } from "../inspect/contact-sheet.ts";
import { findDataset } from "../run/find-dataset.ts";
import type { StageContext } from "../run/stage.ts";
import type { Step } from "../run/step.ts";
import { type CardFacts, gatherCardFacts } from "./card-facts.ts";
import { type CardLayout, shardLayout } from "./card-layout.ts";
import { type CardOptions, keepCardOptions } from "./card-options.ts";
import { describeDataset } from "./card-text.ts";
import { describeCroissant } from "./croissant.ts";

/** What a call did with README.md. */
export interface WrittenCard {
  /** The folder of the card. */
  readonly directory: string;
  /** `kept`: somebody has edited README.md, so it was left as it is. */
  readonly outcome: "written" | "kept";
}

/**
 * Writes the card of a published data set into its folder: README.md, croissant.json and the picture. The manifest does
 * not name them, so the hash of the set stays. A README.md that somebody has edited is kept; an empty one is lost.
 * @param options.root - a run folder, or the folder of a data set
 * @param options.given - what the card says besides what the run knows; kept for later calls
 * @param options.overwrite - whether to replace an edited README.md
 * @throws Cifar5mError `manifest/…`, `card/…`, `table/…`, `disk/…`
 */
export async function writeCard(options: {
  readonly root: string;
  readonly given?: CardOptions;
  readonly overwrite?: boolean;
}): Promise<WrittenCard> {
  const { root, given = {}, overwrite = false } = options;
  const { directory, manifest } = await findDataset(root);
  await removeStaleTemporaries(directory);
  await keepCardOptions(root, given);
  const facts = await gatherCardFacts({ manifest, root, directory });
  const layout = shardLayout(manifest);
  const picture = await renderDatasetSheet({ directory, manifest });
  return { directory, outcome: await writeCompanions(directory, { facts, layout, picture, overwrite }) };
}

/**
 * Writes the companions of a data set or of an export into its folder.
 * @throws Cifar5mError `disk/…`
 */
export async function writeCompanions(
  folder: string,
  companions: {
    readonly facts: CardFacts;
    readonly layout: CardLayout;
    readonly picture: Uint8Array | undefined;
    readonly overwrite?: boolean;
  },
): Promise<WrittenCard["outcome"]> {
  const { facts, layout, picture, overwrite = false } = companions;
  if (picture !== undefined) await replaceBytes(joinPath(folder, companionNames.picture), picture);
  await replaceBytes(joinPath(folder, companionNames.croissant), describeCroissant(facts, layout));
  const path = joinPath(folder, companionNames.card);
  const text = await readTextIfAny(path);
  if (text !== undefined && hasEdits(text) && !overwrite) return "kept";
  await replaceBytes(path, describeDataset(facts, layout));
  return "written";
}

/** Writes the card as the last step of a publication. @param root - a run folder, or the folder of a data set */
export function cardStep(root: string): Step {
  return {
    name: "card",
    total: 0,
    async *run({ tell }) {
      const written = await writeCard({ root });
      if (written.outcome === "kept") await warnOfOldCard(written.directory, root, tell);
      yield written;
    },
  };
}

/** Says that an edited card describes another state of the set: readers such as Hugging Face's trust the counts in its head. */
async function warnOfOldCard(directory: string, root: string, tell: StageContext["tell"]): Promise<void> {
  const path = joinPath(directory, companionNames.card);
  const text = (await readTextIfAny(path)) ?? "";
  const { splits } = (await findDataset(root)).manifest;
  const named = [...text.matchAll(/num_examples: (\d+)/g)].map(([, rows]) => Number(rows));
  if (named.every((rows) => splitNames.some((split) => splits[split].rows === rows))) return;
  tell?.(
    `warning: ${path} was edited, so it is kept as it is, but it describes the set at another size. ` +
      `Correct num_examples in its head, or run \`cifar5m card ${quoteWord(root)} --overwrite\`.`,
  );
}

/** @throws Cifar5mError `card/edited` if the card was kept because somebody has edited it */
export function requireWritten({ directory, outcome }: WrittenCard): void {
  if (outcome === "written") return;
  throw new Cifar5mError(
    "card/edited",
    `${joinPath(directory, companionNames.card)} must be as cifar5m wrote it to be written again, and was edited. ` +
      "Move it away, or pass --overwrite to replace it.",
  );
}
