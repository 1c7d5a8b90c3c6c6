import { imageBytesOf } from "../rows/open-shard.ts";
import type { RowStore } from "../rows/row-store.ts";
import type { ResolvedOptions } from "./resolve-options.ts";
import { StretchCache } from "./stretch-cache.ts";
import { SubsetCache } from "./subset-cache.ts";

/** Keeps images that an order will serve soon or again, and reads the others from the store. */
export interface ImageCache {
  /** Whether the image of a slot can be had without reading the store. */
  isKept(slot: number): boolean;
  /** Copies the image of a slot, whose row is given, to index `index` of a batch. */
  readImage(slot: number, row: number, index: number, images: Uint8Array): void;
}

/**
 * The cache of a loader without workers: a finite subset that fits into memory, else the stretches of its order.
 * Undefined if each image is one read.
 */
export function chooseCache(
  store: RowStore,
  { regime, numSamples, epochs, numWorkers }: ResolvedOptions,
  { memoryBytes, numStretches }: { readonly memoryBytes: number; readonly numStretches: number | undefined },
): ImageCache | undefined {
  if (store.isResident || numWorkers > 0) return undefined;
  const isReused = regime === "finite" && epochs !== 1;
  if (isReused && imageBytesOf(numSamples) <= memoryBytes) return new SubsetCache(store, numSamples);
  return numStretches === undefined ? undefined : new StretchCache(store, numStretches);
}
