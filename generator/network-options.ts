import * as z from "zod";
import { scheduleNames } from "./sampling/noise-levels.ts";
import { samplingNames } from "./sampling/plan-trajectory.ts";

/** The denoiser's architecture; it is stored with its weights. */
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

/** How the denoiser is trained. */
export const generatorTrainingSchema = z.strictObject({
  ...generatorNetworkSchema.shape,
  numImages: z.int().min(1).default(20_000_000).describe("training images to see"),
  batchSize: z.int().min(1).max(16_384).default(64).describe("images of one training step"),
  optimizer: z
    .enum(["muon", "adamw"])
    .default("muon")
    .describe("what moves hidden matrices and filters; AdamW moves the rest in either case"),
  learningRate: z.number().positive().default(4e-3).describe("largest learning rate"),
  weightDecay: z.number().min(0).default(0).describe("decoupled weight decay"),
  warmUpImages: z.int().min(0).default(20_000).describe("images over which the learning rate rises from 0"),
  coolDown: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe("part of training, its last, in which the learning rate falls to 0"),
  clipNorm: z.number().positive().default(1).describe("largest norm of the gradient"),
  dropout: z.number().min(0).max(0.9).default(0).describe("probability that a feature is dropped"),
  classDropout: z.number().min(0).max(1).default(0.1).describe("probability that an image is shown without its class"),
  emaExponents: z
    .array(z.number().min(0))
    .min(1)
    .max(4)
    .default([16.97, 6.94])
    .describe("exponents of the weights' averages; larger ones reach back less, and the first is the result"),
  stepsPerCheckpoint: z.int().min(1).default(500).describe("steps between checkpoints"),
});

/** How a trained denoiser is tuned to need one or two calls an image. Its architecture is that of the weights it starts from. */
export const tuningSchema = z.strictObject({
  guidance: z
    .number()
    .min(0)
    .default(0)
    .describe("weight of the class that is built in, by a frozen copy of the start; at 0 the data alone teaches"),
  numImages: z.int().min(1).default(1_000_000).describe("training images to see in tuning"),
  batchSize: z.int().min(1).max(16_384).default(64).describe("images of one tuning step"),
  stages: z.int().min(1).max(1000).default(4).describe("equal parts of tuning, each with noise levels closer together"),
  lastGap: z
    .number()
    .positive()
    .max(0.5)
    .default(1 / 256)
    .describe("distance of the two noise levels in the last stage, as part of the higher one"),
  learningRate: z.number().positive().default(3e-4).describe("peak learning rate of AdamW in tuning"),
  weightDecay: z.number().min(0).default(0).describe("weight decay of AdamW in tuning"),
  warmUp: z.number().min(0).max(1).default(0.02).describe("part of tuning in which the learning rate rises"),
  clipNorm: z.number().positive().default(1).describe("largest norm of the gradient in tuning"),
  dropout: z.number().min(0).max(0.9).default(0).describe("probability that a feature is dropped in tuning"),
  averageExponent: z
    .number()
    .min(0)
    .default(16.97)
    .describe("exponent of the weights' average in tuning; larger reaches back less"),
  stepsPerCheckpoint: z.int().min(1).default(500).describe("tuning steps between checkpoints"),
});

/** What guidance leads away from. */
export const guideNames = ["unconditional", "weaker"] as const;

/** How images are drawn. */
export const samplerSchema = z.strictObject({
  name: z.enum(samplingNames).default("dpm-solver-2m").describe("how a trajectory from noise to an image is followed"),
  steps: z.int().min(1).max(1000).default(10).describe("noise levels of the trajectory"),
  schedule: z.enum(scheduleNames).default("karras").describe("how noise levels are spread; linear-beta is DDPM's"),
  sigmaMin: z.number().positive().default(0.02).describe("smallest noise level, pixels in [-1, 1]"),
  sigmaMax: z.number().positive().default(80).describe("largest noise level, pixels in [-1, 1]"),
  rho: z.number().positive().default(10).describe("how karras spreads noise levels; larger puts more of them low"),
  conditional: z.boolean().default(true).describe("ask for images of a class; false takes what comes"),
  guidance: z
    .number()
    .min(0)
    .max(100)
    .default(1)
    .describe("how far to go away from the guide; 1 is the plain model, any other costs a second call"),
  guidanceMin: z.number().min(0).default(0).describe("smallest noise level at which guidance applies"),
  guidanceMax: z.number().positive().default(1000).describe("largest noise level at which guidance applies"),
  guide: z
    .enum(guideNames)
    .default("unconditional")
    .describe(
      "what guidance leads away from: images of no class, or what the weaker model in the generator's file makes",
    ),
  churn: z.number().min(0).default(0).describe("heun: noise that all steps together add, as a part of their levels"),
  churnMin: z.number().min(0).default(0.05).describe("heun: smallest noise level at which noise is added"),
  churnMax: z.number().min(0).default(50).describe("heun: largest noise level at which noise is added"),
  churnNoise: z.number().min(0).default(1.003).describe("heun: standard deviation of the noise that is added"),
  batchSize: z.int().min(1).max(16_384).default(16).describe("images that the graph takes at once"),
});

export type GeneratorNetworkOptions = z.infer<typeof generatorNetworkSchema>;
export type GeneratorTrainingOptions = z.infer<typeof generatorTrainingSchema>;
export type TuningOptions = z.infer<typeof tuningSchema>;
export type SamplerOptions = z.infer<typeof samplerSchema>;
