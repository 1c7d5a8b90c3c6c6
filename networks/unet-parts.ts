import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { concat } from "../engine/ops/concat.ts";
import { cos, mul, sin } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/reshape.ts";
import type { Scope } from "../engine/parameters/parameters.ts";

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
  /** What keeps features at one scale: group normalization, or layers that preserve magnitudes. */
  readonly normalization: "groups" | "magnitudes";
  /** Probability that a feature is dropped in training. */
  readonly dropout: number;
}

/** The layers that a U-Net is put together from. Images are [N, C, H, W]. */
export interface UNetParts {
  /** What tells each block the noise level and the class, [N, 4·channels]. */
  embed(scope: Scope, noise: Tensor, classes: Tensor | undefined, options: UNetOptions): Tensor;
  enter(scope: Scope, x: Tensor, channels: number): Tensor;
  residual(
    scope: Scope,
    x: Tensor,
    embedding: Tensor,
    options: { readonly width: number; readonly dropout: number; readonly isEncoder: boolean },
  ): Tensor;
  attention(scope: Scope, x: Tensor): Tensor;
  /** Features on the way up, and those of the same size on the way down, as one. */
  join(hidden: Tensor, skipped: Tensor): Tensor;
  leave(scope: Scope, x: Tensor, numOutputs: number): Tensor;
}

/** Attention has one head for each 64 channels. */
export function numHeadsOf(channels: number): number {
  return Math.max(1, Math.floor(channels / 64));
}

/**
 * Cosines and sines of noise levels at frequencies from 1/8 to 16, each twice as high every 1/7 of them.
 * @param noise - [N]
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
