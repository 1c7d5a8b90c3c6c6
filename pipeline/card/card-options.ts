import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { parseJson } from "../../core/parse-json.ts";
import { parseWithSchema } from "../../core/parse-with-schema.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { joinPath } from "../../storage/join-path.ts";
import { readTextIfAny } from "../../storage/read-text.ts";

/** What a card says that no run knows. */
export const cardOptionsSchema = z.strictObject({
  license: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*$/, "must be of small letters, digits, - and ., like cc0-1.0")
    .optional(),
  prettyName: z.string().min(1).max(200).optional(),
  creator: z.string().min(1).max(200).optional(),
  repository: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be like owner/name")
    .optional(),
});

/**
 * license: an identifier of the Hugging Face Hub, such as `cc0-1.0`; prettyName: the title; creator: who publishes the
 * set; repository: `owner/name` on the Hub.
 */
export type CardOptions = Readonly<z.infer<typeof cardOptionsSchema>>;

/** The file in which a run, or a data set without one, keeps the options of its card. */
function pathIn(root: string): string {
  return joinPath(root, "card.json");
}

/**
 * The options that earlier calls gave; none if there were none.
 * @param root - the run folder, or the folder of a data set without a run
 * @throws Cifar5mError `card/…` if the file holds something else; `disk/…`
 */
export async function readCardOptions(root: string): Promise<CardOptions> {
  const path = pathIn(root);
  const text = await readTextIfAny(path);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (thrown) {
    throw new Cifar5mError("card/corrupt", `${path} must be JSON, and is not. Delete it, and give the options again.`, {
      cause: thrown,
    });
  }
  return parseWithSchema(cardOptionsSchema, value, { area: "card", owner: path });
}

/**
 * Adds options to those of earlier calls.
 * @returns all of them
 * @throws as `readCardOptions`
 */
export async function keepCardOptions(root: string, given: CardOptions): Promise<CardOptions> {
  const kept = await readCardOptions(root);
  const news = Object.entries(given).filter(([, value]) => value !== undefined);
  if (news.length === 0) return kept;
  const options = { ...kept, ...Object.fromEntries(news) };
  await replaceBytes(pathIn(root), `${canonicalJson(options, 2)}\n`);
  return options;
}
