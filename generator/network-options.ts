import * as z from "zod";

/** The denoiser's architecture. It is stored with the weights. */
export const generatorNetworkSchema = z.strictObject({
  channels: z.int().min(8).max(4096).multipleOf(4).default(64).describe("channels of the U-Net's first level"),
  multipliers: z
    .array(z.int().min(1).max(64))
    .min(1)
    .max(6)
    .default([1, 2, 2])
    .describe("channels of each level, as multiples"),
  blocks: z.int().min(1).max(64).default(2).describe("residual blocks of each level on the way down"),
  attentionResolutions: z
    .array(z.int().min(1).max(32))
    .max(6)
    .default([8])
    .describe("image sides at which blocks attend, pixels"),
  patch: z
    .union([z.literal(1), z.literal(2), z.literal(4)])
    .default(2)
    .describe("side of pixel squares that become channels"),
  normalization: z
    .enum(["groups", "magnitudes"])
    .default("magnitudes")
    .describe("what keeps features at one scale: group normalization, or layers that preserve magnitudes"),
  numClasses: z
    .union([z.literal(0), z.literal(10)])
    .default(10)
    .describe("classes to condition on, 0 for none"),
});

export type GeneratorNetworkOptions = z.infer<typeof generatorNetworkSchema>;
