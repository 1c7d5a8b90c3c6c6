import * as z from "zod";
import { gelu } from "../engine/composites/activations.ts";
import { attention } from "../engine/composites/attention.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { expand } from "../engine/ops/broadcast.ts";
import { concat, split } from "../engine/ops/concat.ts";
import { add } from "../engine/ops/elementwise.ts";
import { reshape, transpose } from "../engine/ops/reshape.ts";
import { slice } from "../engine/ops/slice.ts";
import { fanInInitializer, type Scope, zerosInitializer } from "../engine/parameters/parameters.ts";
import { classifierOptions, widthSchema } from "./classifier-options.ts";
import { dropoutLayer, layerNormLayer, linearLayer } from "./layers.ts";
import { patchesToChannels } from "./patches.ts";

export const vitSchema = z
  .strictObject({
    name: z.literal("vit"),
    patch: z
      .union([z.literal(2), z.literal(4), z.literal(8), z.literal(16)])
      .default(4)
      .describe("side of the patches, pixels"),
    dim: widthSchema.default(768).describe("features of a patch"),
    depth: z.int().min(1).max(1000).default(12).describe("blocks of attention and perceptron"),
    heads: widthSchema.default(12).describe("attention heads; they divide dim"),
    mlp: widthSchema.default(3072).describe("hidden features of each block's perceptron"),
    ...classifierOptions,
  })
  .refine(({ dim, heads }) => dim % heads === 0, { path: ["heads"], error: "must divide dim" });

type ViTOptions = z.infer<typeof vitSchema>;

/**
 * Vision Transformer: patches and a class token with learned position embeddings, pre-norm blocks, and a linear layer on
 * the class token. Weights of the blocks and of the last layer have Xavier's standard deviations, biases are zero, and
 * position embeddings have standard deviation 0.02. The paper's code begins with zeros in its last layer. As in the paper's
 * appendix, dropout does not apply to attention weights.
 * @param images - [N, C, H, W]; patches must tile them
 * @returns logits, [N, numClasses]
 * @see Dosovitskiy et al. 2021, arXiv:2010.11929
 */
export function vit(scope: Scope, images: Tensor, options: ViTOptions): Tensor {
  const { dim } = options;
  const patches = patchesToChannels(images, options.patch);
  const [numImages, patchSize] = patches.shape as [number, number];
  const patchRows = transpose(reshape(patches, [numImages, patchSize, -1]), [0, 2, 1]);
  const embedded = linearLayer(scope.child("embed"), patchRows, dim);
  const token = expand(scope.parameter("token", [1, 1, dim], zerosInitializer, { decay: false }), [numImages, 1, dim]);
  const tokens = concat([token, embedded], 1);
  const positions = scope.parameter(
    "position",
    [1, tokens.shape[1]!, dim],
    { kind: "normal", std: 0.02 },
    {
      decay: false,
    },
  );
  let hidden = dropoutLayer(scope, add(tokens, positions), options.dropout);
  for (let index = 0; index < options.depth; index++) {
    hidden = block(scope.child(`block${index}`), hidden, options);
  }
  const first = reshape(slice(hidden, [{ axis: 1, start: 0, end: 1 }]), [numImages, dim]);
  return xavierLinear(scope.child("head"), layerNormLayer(scope.child("norm"), first), options.numClasses);
}

function block(scope: Scope, x: Tensor, { heads, mlp, dropout }: ViTOptions): Tensor {
  const mixed = selfAttention(scope, layerNormLayer(scope.child("norm0"), x), heads);
  const attended = add(x, dropoutLayer(scope, mixed, dropout));
  const normalized = layerNormLayer(scope.child("norm1"), attended);
  const widened = dropoutLayer(scope, gelu(xavierLinear(scope.child("widen"), normalized, mlp)), dropout);
  const narrowed = xavierLinear(scope.child("narrow"), widened, x.shape[2]!);
  return add(attended, dropoutLayer(scope, narrowed, dropout));
}

/** [N, tokens, dim] to [N, tokens, dim]. */
function selfAttention(scope: Scope, x: Tensor, heads: number): Tensor {
  const [numImages, numTokens, dim] = x.shape as [number, number, number];
  const parts = xavierLinear(scope.child("qkv"), x, 3 * dim, 2 * dim);
  const byHead = transpose(reshape(parts, [numImages, numTokens, 3 * heads, dim / heads]), [0, 2, 1, 3]);
  const [query, key, value] = split(byHead, [heads, heads, heads], 1);
  const mixed = transpose(attention(query!, key!, value!), [0, 2, 1, 3]);
  return xavierLinear(scope.child("out"), reshape(mixed, x.shape), dim);
}

/** A linear layer with weights of variance 2 / fan. By default, `fan` is the number of inputs plus that of outputs. */
function xavierLinear(scope: Scope, x: Tensor, numOutputs: number, fan: number = x.shape.at(-1)! + numOutputs): Tensor {
  return linearLayer(scope, x, numOutputs, fanInInitializer(fan, 2));
}
