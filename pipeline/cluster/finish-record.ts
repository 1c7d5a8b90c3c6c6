import * as z from "zod";
import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import type { Manifest } from "../../shards/index.ts";
import { sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { absolutePath, joinPath } from "../../storage/join-path.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { parseRecord } from "../../storage/record-schema.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { readRecordIfAny, type SubmissionRecord } from "./submission-record.ts";

const version = 1;

const finishSchema = z.strictObject({
  version: z.literal(version),
  /** sha256 of the manifest that was checked. */
  manifest: z.string(),
  /** Where the set was uploaded, if it was to be. */
  to: z.string().optional(),
});

function finishPath({ submit }: Pick<RunFolder, "submit">): string {
  return joinPath(submit, "finished.json");
}

/**
 * Writes down that the last job of a run that was submitted has done all of its work: its manifest alone tells neither
 * that the set was checked nor that it was uploaded. Of another run it writes nothing.
 * @param to - where the set was uploaded
 * @throws Cifar5mError `disk/…`; what reading submit/jobs.json and the manifest throws
 */
export async function writeFinish(folder: RunFolder, to: string | undefined): Promise<void> {
  const manifest = await readManifestIfAny(folder.dataset);
  if (manifest === undefined || (await readRecordIfAny(folder)) === undefined) return;
  const uploaded = to === undefined ? {} : { to: absolutePath(to) };
  await replaceBytes(finishPath(folder), sealJson({ version, manifest: manifest.sha256, ...uploaded }));
}

/**
 * Whether all is done that a submission asks for after the manifest is written.
 * @throws Cifar5mError `finish/invalid`, `finish/version-unsupported`, `json/corrupt`, `disk/…`
 */
export async function isFinishDone(
  folder: RunFolder,
  { to }: Pick<SubmissionRecord, "to">,
  { sha256 }: Pick<Manifest, "sha256">,
): Promise<boolean> {
  const path = finishPath(folder);
  const text = await readTextIfAny(path);
  if (text === undefined) return false;
  const advice = "Delete it: the last job then runs again.";
  const done = parseRecord(finishSchema, unsealJson(text, path), "finish", path, version, advice);
  return done.manifest === sha256 && (to === undefined || done.to === to);
}
