import { silu } from "../engine/composites/activations.ts";
import { attentionPixelsLast } from "../engine/composites/attention.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { concat, split } from "../engine/ops/concat.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { reshape } from "../engine/ops/reshape.ts";
import { zerosInitializer } from "../engine/parameters/parameters.ts";
import { dropoutLayer } from "./layers.ts";
import { fourierFeatures, numHeadsOf, type UNetParts } from "./unet-parts.ts";
import { normalizeAlong, siluMagnitude, unitConv, unitLinear, unitWeights, withOnes } from "./unit-layers.ts";

/** The share of a block's change in its output. */
const changeShare = 0.3;

/**
 * Layers that preserve magnitudes. Weight vectors are normalized to length 1, and sums and concatenations are scaled.
 * Features therefore keep a root mean square of about 1 without normalization layers. No layer has a bias.
 * @see Karras et al. 2023, arXiv:2312.02696, section 2 and appendix B.3, configurations D, F and G. Without E, raw weights may
 *   grow during a training, which lowers the effective learning rate. Not from the paper: fixed frequencies of the noise
 *   level instead of random ones, a class that stands for none instead of a vector of zeros, no learned weight of the loss.
 */
export const magnitudeParts: UNetParts = {
  embed: (scope, noise, classes, { channels, numClasses }) => {
    const width = 4 * channels;
    let hidden = unitLinear(scope.child("noise"), fourierFeatures(noise, channels), width, Math.SQRT2);
    if (numClasses > 0 && classes !== undefined) {
      // Equivalent to a linear map of one-hot vectors of length √(numClasses + 1).
      const table = unitWeights(scope, "class", [numClasses + 1, width], [0], Math.sqrt(numClasses + 1));
      hidden = mixed(hidden, gather(table, classes), 0.5);
    }
    return silu(hidden);
  },

  enter: (scope, x, channels) => unitConv(scope, withOnes(x), channels),

  residual: (scope, x, embedding, { width, dropout, isEncoder }) => {
    const resized = (images: Tensor) =>
      images.shape[1] === width ? images : unitConv(scope.child("skip"), images, width, { kernel: 1 });
    const entered = isEncoder ? normalizeAlong(resized(x), 1) : x;
    const filtered = unitConv(scope.child("conv0"), silu(entered), width, { scale: 1 / siluMagnitude });
    const gain = scope.parameter("modulate.gain", [1], zerosInitializer);
    const factors = mul(unitLinear(scope.child("modulate"), embedding, width, 1 / siluMagnitude), gain);
    const modulated = mul(filtered, reshape(add(factors, 1), [-1, width, 1, 1]));
    const hidden = dropoutLayer(scope, silu(modulated), dropout);
    return changed(isEncoder ? entered : resized(x), (scale) =>
      unitConv(scope.child("conv1"), hidden, width, { scale: scale / siluMagnitude }),
    );
  },

  attention: (scope, x) => {
    const [numImages, channels, height, width] = x.shape as [number, number, number, number];
    const numHeads = numHeadsOf(channels);
    const parts = unitConv(scope.child("qkv"), x, 3 * channels, { kernel: 1 });
    const heads = normalizeAlong(reshape(parts, [numImages, 3 * numHeads, channels / numHeads, height * width]), 2);
    const [query, key, value] = split(heads, [numHeads, numHeads, numHeads], 1);
    const attended = reshape(attentionPixelsLast(query!, key!, value!), x.shape);
    return changed(x, (scale) => unitConv(scope.child("out"), attended, channels, { kernel: 1, scale }));
  },

  join: (hidden, skipped) => {
    const [left, right] = [hidden.shape[1]!, skipped.shape[1]!];
    // Both inputs have the same weight, whatever their numbers of channels.
    const factor = (channels: number) => Math.sqrt((left + right) / (2 * channels));
    return concat([mul(hidden, factor(left)), mul(skipped, factor(right))], 1);
  },

  leave: (scope, x, numOutputs) => {
    const leave = scope.child("leave");
    const gain = leave.parameter("gain", [1], zerosInitializer);
    return mul(unitConv(leave, x, numOutputs), reshape(gain, [1, 1, 1, 1]));
  },
};

/** Interpolates between `a` and `b`. The result is scaled so that uncorrelated operands keep their magnitude. */
function mixed(a: Tensor, b: Tensor, share: number): Tensor {
  const length = Math.hypot(1 - share, share);
  return add(mul(a, (1 - share) / length), mul(b, share / length));
}

/** The same for the input of a block and its change, which is computed at the right scale already. */
function changed(x: Tensor, change: (scale: number) => Tensor): Tensor {
  const length = Math.hypot(1 - changeShare, changeShare);
  return add(mul(x, (1 - changeShare) / length), change(changeShare / length));
}
