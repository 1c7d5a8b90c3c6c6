/** An image is a near-copy of another one that leaves at most this part of it unexplained; see `ImagePair.alignedResidual`. */
export const nearCopyResidual = 0.08;

/** An image is memorized if its nearest train image is this much nearer than the second nearest. */
export { memorizedBelow } from "../score/memorization.ts";
