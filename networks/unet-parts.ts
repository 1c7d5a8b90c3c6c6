import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { concat } from "../engine/ops/concat.ts";
import { cos, mul, sin } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/reshape.ts";
import type { Scope } from "../engine/parameters/parameters.ts";

export interface UNetOptions {
  /** Channels of the first level. */
  readonly channels: number;
  /** Channels of each level, as multiples of `channels`. Each level after the first halves the image. */
  readonly multipliers: readonly number[];
  /** Residual blocks per level on the way down. On the way up there is one more per level. */
  readonly blocks: number;
  /** Sides of the images, in pixels of the level, at which blocks have attention. */
  readonly attentionResolutions: readonly number[];
  /** Side of the square patches that become channels at the input; 1 for no patches. */
  readonly patch: number;
  /** Number of classes to condition on, not counting "no class"; 0 for an unconditional network. */
  readonly numClasses: number;
  /** How features are kept at one scale: by group normalization, or by layers that preserve magnitudes. */
  readonly normalization: "groups" | "magnitudes";
  /** Probability that a feature is dropped in training. */
  readonly dropout: number;
}

/** The layers of a U-Net. Images are [N, C, H, W]. */
export interface UNetParts {
  /** The embedding of the noise level and the class that each block gets, [N, 4·channels]. */
  embed(scope: Scope, noise: Tensor, classes: Tensor | undefined, options: UNetOptions): Tensor;
  enter(scope: Scope, x: Tensor, channels: number): Tensor;
  residual(
    scope: Scope,
    x: Tensor,
    embedding: Tensor,
    options: { readonly width: number; readonly dropout: number; readonly isEncoder: boolean },
  ): Tensor;
  attention(scope: Scope, x: Tensor): Tensor;
  /** Joins features of the way up with those of the same size from the way down. */
  join(hidden: Tensor, skipped: Tensor): Tensor;
  leave(scope: Scope, x: Tensor, numOutputs: number): Tensor;
}

/** Attention has about one head for each 64 channels, as many as divide the channels. */
export function numHeadsOf(channels: number): number {
  let heads = Math.max(1, Math.floor(channels / 64));
  while (channels % heads !== 0) heads--;
  return heads;
}

/**
 * Cosines and sines of noise levels. The n frequencies rise from 1/8 to 16 · 2^(−7/n) in geometric steps.
 * @param noise - [N]; frequencies are in cycles per unit of it
 * @returns [N, numFeatures]
 */
export function fourierFeatures(noise: Tensor, numFeatures: number): Tensor {
  const numFrequencies = numFeatures / 2;
  const frequencies = Array.from(
    { length: numFrequencies },
    (_, k) => 2 * Math.PI * 2 ** (-3 + (7 * k) / numFrequencies),
  );
  const angles = mul(
    reshape(noise, [-1, 1]),
    noise.graph.constant(tensorData("float32", [1, numFrequencies], frequencies)),
  );
  return concat([cos(angles), sin(angles)], 1);
}
