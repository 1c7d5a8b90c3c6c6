import { join } from "node:path";
import { type ImportOptions, importSteps } from "../../../pipeline/import/import-steps.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { readManifest } from "../../../shards/format/manifest-file.ts";
import { readShard } from "../../../shards/format/read-shard.ts";
import type { Manifest, SplitName } from "../../../shards/index.ts";
import { runSteps, testContext } from "../../support/run-build.ts";
import type { TestImages } from "./make-images.ts";

/** Imports to the end. @param tell - is told what the import tells. @returns the counters */
export async function runImport({
  root,
  tell,
  ...options
}: {
  readonly root: string;
  readonly path: string;
  readonly tell?: (line: string) => void;
} & Partial<ImportOptions>): Promise<ReadonlyMap<string, number>> {
  const context = { ...testContext(), tell };
  await runSteps(
    await importSteps({ folder: runFolderAt(root), unitSize: 8, recordsPerFile: 6, resize: false, ...options }),
    context,
  );
  return context.counts;
}

/** All columns of a split of a run, read from its shards. */
export async function readSplit(root: string, split: SplitName) {
  const directory = join(root, "dataset");
  const manifest: Manifest = await readManifest(directory);
  const shards = await Promise.all(
    manifest.splits[split].shards.map(({ file }) => readShard(join(directory, file), manifest.classNames.length)),
  );
  const images = Buffer.concat(shards.map(({ columns }) => columns.image));
  const list = (name: "id" | "label" | "class" | "confidence" | "probabilities") =>
    shards.flatMap(({ columns }) => [...columns[name]]);
  const [ids, labels, classes] = [list("id"), list("label"), list("class")];
  return {
    manifest,
    images,
    ids,
    labels,
    classes,
    confidences: list("confidence"),
    probabilities: list("probabilities"),
  };
}

/** Some rows. */
export function rowsOf({ images, labels }: TestImages, start: number, end: number) {
  return { images: Buffer.from(images.subarray(start * 3072, end * 3072)), labels: [...labels.subarray(start, end)] };
}
