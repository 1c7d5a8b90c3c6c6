import { silu } from "../engine/composites/activations.ts";
import { attentionPlacesLast } from "../engine/composites/attention.ts";
import { groupNorm } from "../engine/composites/norms.ts";
import { shapeError, type Tensor } from "../engine/graph.ts";
import { add, cos, mul, sin } from "../engine/ops/elementwise.ts";
import { gather } from "../engine/ops/gather.ts";
import { averagePool, upsample } from "../engine/ops/pool.ts";
import { concat, reshape, split, transpose } from "../engine/ops/shape.ts";
import { fanInInitializer, type Scope, zerosInitializer } from "../engine/parameters.ts";
import { tensorData } from "../engine/tensor.ts";
import { convLayer, dropoutLayer, groupNormLayer, linearLayer } from "./layers.ts";

export interface UNetOptions {
  /** Channels of the first level. */
  readonly channels: number;
  /** Channels of each level, as multiples of the first; each level after the first halves the image. */
  readonly multipliers: readonly number[];
  /** Residual blocks of each level on the way down; on the way up there is one more. */
  readonly blocks: number;
  /** Image sides, in pixels of the level, at which blocks attend. */
  readonly attentionResolutions: readonly number[];
  /** Side of the squares of pixels that become channels at the entrance; 1 for none. */
  readonly patch: number;
  /** Classes to condition on, besides "none of them"; 0 for an unconditional network. */
  readonly numClasses: number;
  /** Probability that a feature is dropped in training. */
  readonly dropout: number;
}

/**
 * A U-Net of residual blocks that are modulated by noise level and class.
 * @param x - images, [N, C, H, W]
 * @param noise - a function of the noise level that is of order one, [N]
 * @param classes - class numbers, int64 [N]; `numClasses` stands for no class; undefined for an unconditional network
 * @returns [N, C, H, W]
 * @see Ho et al. 2020, arXiv:2006.11239, appendix B; Dhariwal and Nichol 2021, arXiv:2105.05233, section 3
 */
export function unet(
  scope: Scope,
  x: Tensor,
  noise: Tensor,
  classes: Tensor | undefined,
  options: UNetOptions,
): Tensor {
  const { channels, multipliers, blocks, patch } = options;
  if (x.shape[2]! % (patch * 2 ** (multipliers.length - 1)) !== 0) {
    throw shapeError(
      "unet",
      `sides must divide by patch · 2^(levels - 1) = ${patch * 2 ** (multipliers.length - 1)}`,
      x.shape,
    );
  }
  const embedding = embed(scope.child("embedding"), noise, classes, options);
  const inputs = patchesToChannels(x, patch);
  let hidden = convLayer(scope.child("enter"), inputs, channels);
  const skips = [hidden];
  const block = (name: string, width: number) => {
    hidden = residualBlock(scope.child(name), hidden, embedding, width, options.dropout);
    if (options.attentionResolutions.includes(hidden.shape[2]!)) {
      hidden = attentionBlock(scope.child(`${name}.attention`), hidden);
    }
  };
  multipliers.forEach((multiplier, level) => {
    if (level > 0) {
      hidden = averagePool(hidden, 2);
      skips.push(hidden);
    }
    for (let index = 0; index < blocks; index++) {
      block(`down${level}.${index}`, channels * multiplier);
      skips.push(hidden);
    }
  });
  block("middle", channels * multipliers.at(-1)!);
  for (let level = multipliers.length - 1; level >= 0; level--) {
    for (let index = 0; index <= blocks; index++) {
      hidden = concat([hidden, skips.pop()!], 1);
      block(`up${level}.${index}`, channels * multipliers[level]!);
    }
    if (level > 0) hidden = upsample(hidden, 2);
  }
  const leave = silu(groupNormLayer(scope.child("leave.norm"), hidden, numGroups(hidden)));
  const output = convLayer(scope.child("leave"), leave, inputs.shape[1]!, { initializer: zerosInitializer });
  return channelsToPatches(output, patch);
}

/** Groups of at least 4 channels, 32 at most. */
function numGroups(x: Tensor): number {
  const channels = x.shape[1]!;
  let groups = Math.min(32, Math.floor(channels / 4));
  while (channels % groups !== 0) groups--;
  return groups;
}

/** What tells each block the noise level and the class, [N, 4·channels]. */
function embed(scope: Scope, noise: Tensor, classes: Tensor | undefined, options: UNetOptions): Tensor {
  const width = 4 * options.channels;
  const numFrequencies = options.channels / 2;
  const frequencies = Array.from(
    { length: numFrequencies },
    (_, k) => 2 * Math.PI * 2 ** (-3 + (7 * k) / numFrequencies),
  );
  const angles = mul(
    reshape(noise, [-1, 1]),
    noise.graph.constant(tensorData("float32", [1, numFrequencies], frequencies)),
  );
  let hidden = linearLayer(scope.child("noise"), concat([cos(angles), sin(angles)], 1), width);
  if (options.numClasses > 0 && classes !== undefined) {
    const table = scope.parameter("class", [options.numClasses + 1, width], fanInInitializer(1));
    hidden = add(hidden, gather(table, classes));
  }
  return silu(linearLayer(scope.child("mix"), silu(hidden), width));
}

function residualBlock(scope: Scope, x: Tensor, embedding: Tensor, width: number, rate: number): Tensor {
  const entered = convLayer(scope.child("conv0"), silu(groupNormLayer(scope.child("norm0"), x, numGroups(x))), width);
  const modulation = linearLayer(
    scope.child("modulate"),
    embedding,
    2 * width,
    fanInInitializer(embedding.shape[1]!, 0.1),
  );
  const [scale, shift] = split(reshape(modulation, [-1, 2 * width, 1, 1]), [width, width], 1);
  const hidden = dropoutLayer(scope, silu(groupNorm(entered, numGroups(entered), add(scale!, 1), shift!)), rate);
  const change = convLayer(scope.child("conv1"), hidden, width, { initializer: zerosInitializer });
  const kept = x.shape[1] === width ? x : convLayer(scope.child("skip"), x, width, { kernel: 1 });
  return add(kept, change);
}

/** Every pixel attends to all others; one head for each 64 channels. */
function attentionBlock(scope: Scope, x: Tensor): Tensor {
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  const numHeads = Math.max(1, Math.floor(channels / 64));
  const parts = convLayer(scope.child("qkv"), groupNormLayer(scope.child("norm"), x, numGroups(x)), 3 * channels, {
    kernel: 1,
  });
  const heads = reshape(parts, [numImages, 3 * numHeads, channels / numHeads, height * width]);
  const [query, key, value] = split(heads, [numHeads, numHeads, numHeads], 1);
  const mixed = attentionPlacesLast(query!, key!, value!);
  const result = convLayer(scope.child("out"), reshape(mixed, x.shape), channels, {
    kernel: 1,
    initializer: zerosInitializer,
  });
  return add(x, result);
}

/** Squares of pixels become channels: [N, C, H, W] to [N, C·patch², H/patch, W/patch]. */
export function patchesToChannels(x: Tensor, patch: number): Tensor {
  if (patch === 1) return x;
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  const split = reshape(x, [numImages, channels, height / patch, patch, width / patch, patch]);
  return reshape(transpose(split, [0, 1, 3, 5, 2, 4]), [
    numImages,
    channels * patch ** 2,
    height / patch,
    width / patch,
  ]);
}

/** The inverse of `patchesToChannels`. */
export function channelsToPatches(x: Tensor, patch: number): Tensor {
  if (patch === 1) return x;
  const [numImages, channels, height, width] = x.shape as [number, number, number, number];
  const split = reshape(x, [numImages, channels / patch ** 2, patch, patch, height, width]);
  return reshape(transpose(split, [0, 1, 4, 2, 5, 3]), [
    numImages,
    channels / patch ** 2,
    height * patch,
    width * patch,
  ]);
}
