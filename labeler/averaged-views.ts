import { closeAll } from "../core/close-all.ts";
import { closeOnError } from "../core/close-on-error.ts";
import { imageAt, imageBytes } from "../core/image-layout.ts";
import type { Engine } from "../engine/executor.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { constantScope } from "../engine/parameters/constant-scope.ts";
import { mirrored, shiftedDiagonally } from "../networks/augment.ts";
import { type ImageFunction, imageGraph, openImageFunction } from "./image-function.ts";
import { labelerNetwork } from "./labeler-network.ts";
import type { TrainedLabeler } from "./read-labeler.ts";

/**
 * The sum of the logits of images and of their mirror images.
 * @param images - [B, 3, 32, 32]
 * @returns [B, 10]
 */
export function bothWays({ tensors, network }: TrainedLabeler, images: Tensor): Tensor {
  const [logits, mirroredLogits] = [images, mirrored(images)].map((view) =>
    labelerNetwork(constantScope(images.graph, tensors), view, network),
  );
  return add(logits!, mirroredLogits!);
}

/**
 * Opens a labeler that looks again at images it is unsure of: it averages the logits of six views instead of two. The
 * further four are shifted by a pixel to the top left and to the bottom right, and mirrored. Each pair counts a quarter.
 * @param batchSize - of the first look. The second has a batch size of its own, which depends on this one only, so that
 *   the probabilities of an image do not depend on how many others are unsure
 * @see Keller Jordan 2024, arXiv:2404.00498, section 3.5
 */
export async function openLookingAgain(
  engine: Engine,
  labeler: TrainedLabeler & { readonly views: NonNullable<TrainedLabeler["views"]> },
  batchSize: number,
): Promise<ImageFunction> {
  const { temperature, views } = labeler;
  const first = await openImageFunction(
    engine,
    imageGraph(batchSize, (images) => mul(bothWays(labeler, images), 0.5)),
  );
  const second = await closeOnError(first, () =>
    openImageFunction(
      engine,
      imageGraph(secondBatchSize(batchSize), (images) => {
        const [topLeft, bottomRight] = ([1, -1] as const).map((by) => bothWays(labeler, shiftedDiagonally(images, by)));
        return mul(add(topLeft!, bottomRight!), 0.25);
      }),
    ),
  );
  const { width } = first;
  return {
    batchSize: first.batchSize,
    width,
    run: async (bytes, signal) => {
      const logits = await first.run(bytes, signal);
      const rowOf = (values: Float32Array, index: number) => values.subarray(index * width, (index + 1) * width);
      const isUnsure = (index: number) =>
        // A confidence may round to 1.
        views.threshold === 1 || Math.max(...softmaxOf(rowOf(logits, index), views.temperature)) < views.threshold;
      const unsure = Array.from({ length: logits.length / width }, (_, index) => index).filter(isUnsure);
      const images = new Uint8Array(unsure.length * imageBytes);
      for (const [to, from] of unsure.entries()) images.set(imageAt(bytes, from), to * imageBytes);
      const shifted = await second.run(images, signal);
      for (const [from, to] of unsure.entries()) {
        const row = rowOf(logits, to);
        row.set(row.map((logit, index) => 0.5 * (logit + rowOf(shifted, from)[index]!)));
      }
      for (let start = 0; start < logits.length; start += width) {
        const row = logits.subarray(start, start + width);
        row.set(softmaxOf(row, temperature));
      }
      return logits;
    },
    close: () => closeAll(first, second),
  };
}

/** An eighth of the images: about as many are unsure of a full batch. Fewer than 16 take as long as 16. */
function secondBatchSize(batchSize: number): number {
  return Math.min(batchSize, Math.max(16, Math.ceil(batchSize / 8)));
}

function softmaxOf(logits: Float32Array, temperature: number): Float64Array {
  const largest = Math.max(...logits);
  const exponentials = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
