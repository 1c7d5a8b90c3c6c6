import * as z from "zod";
import { sealJson, unsealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { parseRecord } from "../../storage/record-schema.ts";
import type { RunFolder } from "./run-folder.ts";

const version = 1;

const speedSchema = z.strictObject({
  version: z.literal(version),
  /** Images a second of one process, by stage. */
  imagesPerSecond: z.strictObject({ sample: z.number().positive(), label: z.number().positive() }),
});

/** How fast one process makes and labels images, as `cifar5m prepare` measured it. */
export type Speed = z.infer<typeof speedSchema>["imagesPerSecond"];

/** @throws Cifar5mError `speed/invalid`, `speed/version-unsupported`, `json/corrupt`, `disk/…` */
export async function readSpeedIfAny({ speed: path }: Pick<RunFolder, "speed">): Promise<Speed | undefined> {
  const text = await readTextIfAny(path);
  if (text === undefined) return undefined;
  return parseRecord(speedSchema, unsealJson(text, path), "speed", path, version).imagesPerSecond;
}

/** @throws Cifar5mError `disk/…` */
export async function writeSpeed({ speed: path }: Pick<RunFolder, "speed">, imagesPerSecond: Speed): Promise<void> {
  await replaceBytes(path, sealJson({ version, imagesPerSecond }));
}
