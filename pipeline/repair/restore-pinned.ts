import { Cifar5mError } from "../../core/errors.ts";
import { readManifestIfAny } from "../../shards/format/manifest-file.ts";
import { unsealJson } from "../../storage/canonical-json.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readTextIfAny } from "../../storage/read-text.ts";
import { readUndamaged } from "../../storage/receipt.ts";
import { pinnedOfManifest } from "../run/pinned-of-manifest.ts";
import { pinnedFiles } from "../run/pinned-run.ts";
import type { RunFolder } from "../run/run-folder.ts";

/**
 * Writes run.json and the files of growth/ again if they are damaged or lost. They follow from the manifest. Undamaged
 * ones are not touched, even if they contradict it.
 * @returns the paths of the written files; none if the folder holds no run
 * @throws Cifar5mError `repair/run-lost`, `repair/size-lost`, `manifest/version-unsupported`, `disk/…`
 */
export async function restorePinned(folder: RunFolder): Promise<string[]> {
  const manifest = await readUndamaged(() => readManifestIfAny(folder.dataset));
  const published = manifest && pinnedOfManifest(manifest);
  const restored: string[] = [];
  for (const { path, text } of published === undefined ? [] : pinnedFiles(folder, published)) {
    const state = await examine(path);
    if (state === text) continue;
    if (state !== "missing" && state !== "damaged") break;
    await replaceBytes(path, text);
    restored.push(path);
  }
  await requireReadable(folder, published?.sizes?.length ?? 1);
  return restored;
}

/** Refuses damaged files that the manifest says nothing of. */
async function requireReadable(folder: RunFolder, firstStep: number): Promise<void> {
  if ((await examine(folder.config)) === "damaged") {
    throw new Cifar5mError(
      "repair/run-lost",
      `${folder.config} is damaged, and ${folder.manifest}, which would say what it held, is missing or does not. Put one of ` +
        "them back from a copy. Or move the damaged file away and run `cifar5m build` with all options that the run was begun with.",
    );
  }
  for (let step = firstStep; ; step++) {
    const path = folder.growth(step);
    const state = await examine(path);
    if (state === "missing") return;
    if (state !== "damaged") continue;
    throw new Cifar5mError(
      "repair/size-lost",
      `${path} is damaged, and the size that it held is not in ${folder.manifest}. Put it back from a copy, or delete it and ` +
        "let the set grow to that size again by `cifar5m build --count N --test-count M`.",
    );
  }
}

/** The text of a sealed file, if it is one. */
async function examine(path: string): Promise<"missing" | "damaged" | string> {
  const text = await readTextIfAny(path);
  if (text === undefined) return "missing";
  const value = await readUndamaged(async () => unsealJson(text, path));
  return value === undefined ? "damaged" : text;
}
