import { silu } from "../engine/composites/activations.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { sum } from "../engine/ops/broadcast.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { reshape } from "../engine/ops/reshape.ts";
import { onesInitializer, type Scope } from "../engine/parameters/parameters.ts";
import { siluMagnitude, unitConv, unitWeights } from "./unit-layers.ts";

export interface DiscriminatorOptions {
  /** Channels of the discriminator's layers. The first filters are 3×3 for maps with fewer channels, and 1×1 for others. */
  readonly channels: number;
  /** 0 for images without classes. */
  readonly numClasses: number;
}

/**
 * Judges for every pixel of every feature map whether an image looks real, and like its class. Each map has two
 * convolutions of its own. The class is compared by an inner product.
 * @param maps - features of a trained classifier, or pixels, [N, C, H, W] each
 * @param classes - int64 [N]; undefined for images without classes
 * @returns the logits for each map, [N, 1, H, W]; large for real images
 * @see Sauer et al. 2021, arXiv:2111.01007; Miyato and Koyama 2018, arXiv:1802.05637
 */
export function discriminator(
  scope: Scope,
  maps: readonly Tensor[],
  classes: Tensor | undefined,
  options: DiscriminatorOptions,
): Tensor[] {
  return maps.map((map, index) => {
    const { channels } = options;
    const head = scope.child(`map${index}`);
    const mixed = silu(unitConv(head.child("conv0"), map, channels, { kernel: map.shape[1]! < channels ? 3 : 1 }));
    const hidden = silu(unitConv(head.child("conv1"), mixed, channels, { scale: 1 / siluMagnitude }));
    const gain = reshape(head.parameter("gain", [1], onesInitializer), [1, 1, 1, 1]);
    const realism = unitConv(head.child("real"), hidden, 1, { kernel: 1, scale: 1 / siluMagnitude });
    if (classes === undefined) return mul(realism, gain);
    const directions = gather(
      unitWeights(head, "class", [options.numClasses, channels], [1], 1 / siluMagnitude),
      classes,
    );
    const likeness = sum(mul(hidden, reshape(directions, [-1, channels, 1, 1])), { axes: [1], keepDims: true });
    return mul(add(realism, likeness), gain);
  });
}
