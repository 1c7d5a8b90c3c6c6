import { shapeError, type Tensor } from "../graph/graph.ts";
import { tensorData } from "../graph/tensor.ts";
import { sum } from "../ops/broadcast.ts";
import { add, cast, equal, exp, log, mul, neg, stopGradient, sub } from "../ops/elementwise.ts";
import { max, mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";

/** Logarithm of the softmax over the last axis; it does not overflow for large inputs. */
export function logSoftmax(x: Tensor): Tensor {
  const options = { axes: [-1], keepDims: true };
  const shifted = sub(x, stopGradient(max(x, options)));
  return sub(shifted, log(sum(exp(shifted), options)));
}

/** One-hot vectors: int64 [N] to [N, numClasses]. */
export function oneHot(indices: Tensor, numClasses: number, dtype: "float32" | "float64" = "float32"): Tensor {
  const range = indices.graph.constant(
    tensorData(
      "int64",
      [1, numClasses],
      Array.from({ length: numClasses }, (_, index) => index),
    ),
  );
  return cast(equal(reshape(indices, [-1, 1]), range), dtype);
}

/**
 * Mean cross-entropy.
 * @param logits - [N, K]
 * @param target - probabilities of each class, [N, K]
 * @param options - labelSmoothing: the share of the probability that is spread evenly over all classes, in [0, 1)
 * @returns scalar
 * @see Szegedy et al. 2015, arXiv:1512.00567, section 7, for label smoothing
 */
export function crossEntropy(
  logits: Tensor,
  target: Tensor,
  { labelSmoothing = 0 }: { readonly labelSmoothing?: number } = {},
): Tensor {
  if (logits.shape.join() !== target.shape.join()) {
    throw shapeError("crossEntropy", "logits and targets must agree", logits.shape, target.shape);
  }
  const numClasses = logits.shape.at(-1)!;
  const smoothed = labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / numClasses);
  return neg(mean(sum(mul(smoothed, logSoftmax(logits)), { axes: [-1] })));
}
