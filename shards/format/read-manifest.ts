import { BuilderError } from "../../core/errors.ts";
import { type Manifest, readManifest } from "../index.ts";

/** The manifest of a dataset folder, or undefined if there is none yet. Throws as `readManifest` for a damaged one. */
export async function readManifestIfAny(directory: string): Promise<Manifest | undefined> {
  try {
    return await readManifest(directory);
  } catch (thrown) {
    if (thrown instanceof BuilderError && thrown.code === "manifest/missing") return undefined;
    throw thrown;
  }
}
