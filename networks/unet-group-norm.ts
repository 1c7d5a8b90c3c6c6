import { silu } from "../engine/composites/activations.ts";
import { attentionPixelsLast } from "../engine/composites/attention.ts";
import { groupNorm } from "../engine/composites/norms.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { concat, split } from "../engine/ops/concat.ts";
import { add } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { reshape } from "../engine/ops/reshape.ts";
import { fanInInitializer, zerosInitializer } from "../engine/parameters/parameters.ts";
import { convLayer, dropoutLayer, groupNormLayer, linearLayer } from "./layers.ts";
import { fourierFeatures, numHeadsOf, type UNetParts } from "./unet-parts.ts";

/**
 * Layers with group normalization.
 * @see Dhariwal and Nichol 2021, arXiv:2105.05233, section 3
 */
export const groupNormParts: UNetParts = {
  embed: (scope, noise, classes, { channels, numClasses }) => {
    const width = 4 * channels;
    let hidden = linearLayer(scope.child("noise"), fourierFeatures(noise, channels), width);
    if (numClasses > 0 && classes !== undefined) {
      const table = scope.parameter("class", [numClasses + 1, width], fanInInitializer(1));
      hidden = add(hidden, gather(table, classes));
    }
    return silu(linearLayer(scope.child("mix"), silu(hidden), width));
  },

  enter: (scope, x, channels) => convLayer(scope, x, channels),

  residual: (scope, x, embedding, { width, dropout }) => {
    const entered = convLayer(scope.child("conv0"), silu(groupNormLayer(scope.child("norm0"), x, numGroups(x))), width);
    const modulation = linearLayer(
      scope.child("modulate"),
      embedding,
      2 * width,
      fanInInitializer(embedding.shape[1]!, 0.1),
    );
    const [scale, shift] = split(reshape(modulation, [-1, 2 * width, 1, 1]), [width, width], 1);
    const hidden = dropoutLayer(scope, silu(groupNorm(entered, numGroups(entered), add(scale!, 1), shift!)), dropout);
    const change = convLayer(scope.child("conv1"), hidden, width, { initializer: zerosInitializer });
    const kept = x.shape[1] === width ? x : convLayer(scope.child("skip"), x, width, { kernel: 1 });
    return add(kept, change);
  },

  attention: (scope, x) => {
    const [numImages, channels, height, width] = x.shape as [number, number, number, number];
    const numHeads = numHeadsOf(channels);
    const parts = convLayer(scope.child("qkv"), groupNormLayer(scope.child("norm"), x, numGroups(x)), 3 * channels, {
      kernel: 1,
    });
    const heads = reshape(parts, [numImages, 3 * numHeads, channels / numHeads, height * width]);
    const [query, key, value] = split(heads, [numHeads, numHeads, numHeads], 1);
    const mixed = attentionPixelsLast(query!, key!, value!);
    const result = convLayer(scope.child("out"), reshape(mixed, x.shape), channels, {
      kernel: 1,
      initializer: zerosInitializer,
    });
    return add(x, result);
  },

  join: (hidden, skipped) => concat([hidden, skipped], 1),

  leave: (scope, x, numOutputs) => {
    const normalized = silu(groupNormLayer(scope.child("leave.norm"), x, numGroups(x)));
    return convLayer(scope.child("leave"), normalized, numOutputs, { initializer: zerosInitializer });
  },
};

/** The number of groups: at most 32, with at least 4 channels each. */
function numGroups(x: Tensor): number {
  const channels = x.shape[1]!;
  let groups = Math.min(32, Math.floor(channels / 4));
  while (channels % groups !== 0) groups--;
  return groups;
}
