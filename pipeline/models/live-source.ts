import { findLiveSource, type OpenLiveSource } from "./find-live-source.ts";

export type { OpenLiveSource } from "./find-live-source.ts";

/**
 * Makes images with a run's models and configuration: the image of an id is the one that a larger run would have made.
 * It does not look for copies, neither of CIFAR-10 nor of other images.
 * @param root - the run folder
 * @throws Cifar5mError `run/missing`, `run/model-missing`, `unit/hash-mismatch`, `weights/…`
 */
export async function openLiveSource(root: string): Promise<OpenLiveSource> {
  const source = await findLiveSource(root);
  await source.load();
  return source;
}
