import { type Manifest, splitNames } from "./manifest.ts";

/**
 * Ids of each split of a set that may grow, 10¹²: those of train begin at 0, those of test at 10¹². It is not a power of two
 * so that people recognize it, and a multiple of ten so that classes rotate from the first test id on.
 */
export const idsPerSplit = 1_000_000_000_000;

/** The first id that no image of a set has, nor will have when it grows. */
export function firstFreeId({ splits, config }: Pick<Manifest, "splits" | "config">): number {
  const shards = splitNames.flatMap((name) => splits[name].shards);
  const idEnd = shards.reduce((end, shard) => Math.max(end, shard.idEnd), 0);
  // A set that may grow says where its test ids begin, and has the ids of that part even while it has no test images.
  if (config["testIdStart"] === undefined && idEnd <= idsPerSplit) return idEnd;
  return Math.max(splitNames.length, Math.ceil(idEnd / idsPerSplit)) * idsPerSplit;
}
