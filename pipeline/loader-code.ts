import type { Manifest } from "../shards/format/manifest.ts";

/** Where a program finds a set. */
interface Location {
  /** A folder or a URL. */
  readonly location: string;
  /** Whether a comment names other kinds of locations. */
  readonly namesOthers?: boolean;
}

const others = "or https://…, or s3://bucket/prefix";

/** A finite subset, and batches, for a first look at a set. */
function firstLook({ splits }: Manifest): { readonly numSamples: number; readonly batchSize: number } {
  const numSamples = Math.min(splits.train.rows, 50_000);
  return { numSamples, batchSize: Math.min(128, Math.max(1, numSamples)) };
}

/** A line of TypeScript that makes a loader of `dataset`. */
export function makeLoaderLine(manifest: Manifest): string {
  const { numSamples, batchSize } = firstLook(manifest);
  return `const loader = dataset.loader({ regime: "finite", numSamples: ${numSamples}, epochs: 1, batchSize: ${batchSize}, seed: 0 });`;
}

/** A program that loads a set in TypeScript, on Node. */
export function typescriptLoader(manifest: Manifest, { location, namesOthers = false }: Location): string {
  return `import { openDataset } from "cifar5m-shards"; // or "cifar5m"

const dataset = await openDataset(${JSON.stringify(location)});${namesOthers ? ` // ${others}` : ""}
${makeLoaderLine(manifest)}
for await (const { images, labels } of loader) {
  // images: Uint8Array, shape [${firstLook(manifest).batchSize}, 32, 32, 3]
}`;
}

/** A program that loads a set in Python, for PyTorch. */
export function pythonLoader(manifest: Manifest, { location, namesOthers = false }: Location): string {
  const { numSamples, batchSize } = firstLook(manifest);
  return `import cifar5m  # the package in python/ of cifar5m
from cifar5m.torch import Loader

dataset = cifar5m.open_dataset(${JSON.stringify(location)})${namesOthers ? `  # ${others}` : ""}
for images, labels, ids in Loader(dataset, regime="finite", num_samples=${numSamples}, batch_size=${batchSize}):
    break  # images: uint8, shape [${batchSize}, 3, 32, 32]`;
}
