import { join } from "node:path";
import { readFileIfAny } from "../../storage/read-file.ts";
import { hasEdits } from "../../storage/sealed-text.ts";
import { sha256 } from "../../storage/sha256.ts";
import { retryUpload } from "./retry-upload.ts";
import type { UploadTarget } from "./upload-target.ts";

/** Files beside the manifest that describe a data set to people and other programs. No reader needs them. */
export const companionNames = { card: "README.md", croissant: "croissant.json", picture: "contact-sheet.png" } as const;

/**
 * Uploads the companions that a data set has. A README.md at the target that somebody has edited there is replaced only by
 * one that somebody has edited here.
 * @param options.hold - makes sure that the target is ours, before a file is written there
 * @throws Cifar5mError `store/…`, `disk/…`; the signal's reason
 */
export async function uploadCompanions(options: {
  readonly target: UploadTarget;
  readonly directory: string;
  readonly hold: () => Promise<void>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { target, directory, hold, signal } = options;
  for (const name of Object.values(companionNames)) {
    const data = await readFileIfAny(join(directory, name));
    if (data === undefined) continue;
    if (name === companionNames.card && !(await mayReplaceCard(target, data, signal))) continue;
    const known = { file: name, bytes: data.byteLength, sha256: sha256(data) };
    if (await retryUpload(target, name, signal, () => target.holds(known, async () => data, signal))) continue;
    await hold();
    await retryUpload(target, name, signal, () => target.put(known, data, signal));
  }
}

async function mayReplaceCard(target: UploadTarget, ours: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const name = companionNames.card;
  const theirs = await retryUpload(target, name, signal, () => target.readText(name, signal));
  return theirs === undefined || !hasEdits(theirs) || hasEdits(Buffer.from(ours).toString("utf8"));
}
