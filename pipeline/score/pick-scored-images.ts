import { imageBytes, type LabeledImages } from "../../core/image-layout.ts";
import { openDataset, type SplitName } from "../../shards/index.ts";

/** Images of a set with their labels, ids, classes and confidences. */
export interface ScoredImages extends LabeledImages {
  readonly ids: Float64Array;
  /** Conditioning class, −1 for none; shape [n]. */
  readonly classes: Int32Array;
  readonly confidences: Float32Array;
}

const batchSize = 1000;

/**
 * Random images of a split, in random order.
 * @param options.count - fewer if the split has fewer
 * @throws Cifar5mError as `openDataset` and its loader
 */
export async function pickScoredImages(options: {
  readonly directory: string;
  readonly split: SplitName;
  readonly count: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}): Promise<ScoredImages> {
  const { directory, split, seed, signal } = options;
  const dataset = await openDataset(directory, { split, memoryBytes: 0 });
  try {
    const count = Math.min(options.count, dataset.numSamples);
    const picked = {
      images: new Uint8Array(count * imageBytes),
      labels: new Uint8Array(count),
      ids: new Float64Array(count),
      classes: new Int32Array(count),
      confidences: new Float32Array(count),
    };
    const loader = dataset.loader({
      regime: "finite",
      numSamples: count,
      batchSize,
      dropLast: false,
      columns: ["class", "confidence"],
      seed,
      signal,
    });
    let start = 0;
    for await (const { images, labels, ids, classes, confidences } of loader) {
      picked.images.set(images, start * imageBytes);
      picked.labels.set(labels, start);
      picked.ids.set(ids, start);
      picked.classes.set(classes!, start);
      picked.confidences.set(confidences!, start);
      start += ids.length;
    }
    return picked;
  } finally {
    dataset.close();
  }
}
