/** An image is a near-copy of another one that leaves at most this part of it unexplained; see `ImagePair.alignedResidual`. */
export const nearCopyResidual = 0.08;

/** An image is memorized if its nearest train image is this much nearer than the second nearest. */
export const memorizedBelow = 1 / 3;

/** Number of neighbors that define the usual distance around an image: the adaptive test. */
export const usualNeighbors = 50;
