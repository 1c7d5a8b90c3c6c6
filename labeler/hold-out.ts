import { imageAt, imageBytes, type LabeledImages } from "../core/image-layout.ts";
import { createPermutation, permute } from "../core/permutation.ts";
import { randomStreams } from "../core/random.ts";
import type { LabelerTrainingOptions } from "./options.ts";

/** Number of images that `holdOut` sets aside. */
function countHeldOut(numImages: number, part: number): number {
  return Math.floor(part * numImages);
}

/**
 * Number of steps of a labeler's training.
 * @param numImages - images that it is given, with those that it holds out
 */
export function labelerSteps(
  { epochs, batchSize, heldOut }: Pick<LabelerTrainingOptions, "epochs" | "batchSize" | "heldOut">,
  numImages: number,
): number {
  return Math.max(1, Math.round((epochs * (numImages - countHeldOut(numImages, heldOut))) / batchSize));
}

/** Sets aside a part of the images. The seed determines which. */
export function holdOut({ images, labels }: LabeledImages, part: number, seed: number) {
  const numHeldOut = countHeldOut(labels.length, part);
  if (numHeldOut === 0)
    return { data: { images, labels }, heldOut: { images: images.subarray(0, 0), labels: labels.subarray(0, 0) } };
  const permutation = createPermutation({ size: labels.length, seed, id: 0, stream: randomStreams.heldOut });
  const order = Uint32Array.from(labels, (_, index) => permute(index, permutation));
  const take = (chosen: Uint32Array): LabeledImages => {
    const taken = new Uint8Array(chosen.length * imageBytes);
    chosen.forEach((from, to) => {
      taken.set(imageAt(images, from), to * imageBytes);
    });
    return { images: taken, labels: Uint8Array.from(chosen, (from) => labels[from]!) };
  };
  // Images stay in their order, so that they are read from front to back.
  return { data: take(order.slice(numHeldOut).sort()), heldOut: take(order.slice(0, numHeldOut).sort()) };
}
