import * as z from "zod";
import { generatorNetworkSchema } from "../network-options.ts";

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
    .describe("final fraction of the training, in which the learning rate falls to 0"),
  clipNorm: z.number().positive().default(1).describe("largest norm of the gradient"),
  dropout: z.number().min(0).max(0.9).default(0).describe("probability that a feature is dropped"),
  classDropout: z.number().min(0).max(1).default(0.1).describe("probability that an image is shown without its class"),
  emaExponents: z
    .array(z.number().min(0))
    .min(1)
    .max(4)
    .default([16.97, 6.94])
    .describe(
      "exponents of the EMA weights' power functions; larger ones reach back less, and the first is the result",
    ),
  stepsPerCheckpoint: z.int().min(1).default(500).describe("steps between checkpoints"),
});

/** How a trained denoiser is tuned to need one or two calls per image. It keeps the architecture of its initial weights. */
export const tuningSchema = z.strictObject({
  guidance: z
    .number()
    .min(0)
    .default(0)
    .describe("guidance weight of the teacher, a frozen copy of the initial weights; 0 trains without a teacher"),
  guidanceMin: z.number().min(0).default(0).describe("smallest noise level at which the teacher is guided"),
  guidanceMax: z.number().positive().default(1000).describe("largest noise level at which the teacher is guided"),
  numImages: z.int().min(1).default(1_000_000).describe("training images to see in tuning"),
  batchSize: z.int().min(1).max(16_384).default(64).describe("images of one tuning step"),
  stages: z.int().min(1).max(1000).default(4).describe("equal parts of tuning, each with noise levels closer together"),
  lastGap: z
    .number()
    // Below, float32 loses the difference of the two levels.
    .min(1e-5)
    .max(0.5)
    .default(1 / 256)
    .describe(
      "distance of the two noise levels in the last stage, as part of the higher one, where that is large; up to 5 times as much where it is small",
    ),
  learningRate: z.number().positive().default(3e-4).describe("peak learning rate of AdamW in tuning"),
  weightDecay: z.number().min(0).default(0).describe("weight decay of AdamW in tuning"),
  warmUp: z.number().min(0).max(1).default(0.02).describe("fraction of tuning in which the learning rate rises"),
  clipNorm: z.number().positive().default(1).describe("largest norm of the gradient in tuning"),
  dropout: z.number().min(0).max(0.9).default(0).describe("probability that a feature is dropped in tuning"),
  averageExponent: z
    .number()
    .min(0)
    .default(16.97)
    .describe("exponent of the weights' average in tuning; larger reaches back less"),
  stepsPerCheckpoint: z.int().min(1).default(500).describe("tuning steps between checkpoints"),
});

/** How a generator of few calls is tuned against a discriminator. It keeps the architecture of its initial weights. */
export const adversarialSchema = z.strictObject({
  steps: z.int().min(1).max(16).default(2).describe("calls of the sampler that the generator is tuned for"),
  sigmaMin: z
    .number()
    .positive()
    .default(0.8)
    .describe("noise level of the sampler's last call, pixels in [-1, 1]; with one step, no call has it"),
  sigmaMax: z.number().positive().default(10).describe("noise level of the sampler's first call"),
  numImages: z
    .int()
    .min(1)
    .default(25_600)
    .describe("real images that the discriminator sees; the generator makes as many at each call"),
  batchSize: z.int().min(1).max(16_384).default(64).describe("images of one step"),
  learningRate: z.number().positive().default(3e-4).describe("peak learning rate of the generator, by Adam"),
  discriminatorRate: z
    .number()
    .positive()
    .default(5)
    .describe("learning rate of the discriminator, as a multiple of the generator's"),
  discriminatorChannels: z.int().min(1).max(1024).default(64).describe("channels of the discriminator's layers"),
  r1Weight: z
    .number()
    .min(0)
    .default(0.1)
    .describe(
      "weight of the approximated R1 penalty: the discriminator's squared change when real images get a little noise",
    ),
  classWeight: z
    .number()
    .min(0)
    .default(0.3)
    .describe("weight of the labeler's cross-entropy for the class that was asked for, in the generator's loss"),
  translation: z.int().min(0).max(16).default(3).describe("random translation of what the discriminator sees, pixels"),
  weightDecay: z.number().min(0).default(0).describe("decoupled weight decay"),
  warmUp: z.number().min(0).max(1).default(0.05).describe("fraction of tuning in which the learning rate rises"),
  dropout: z.number().min(0).max(0.9).default(0).describe("probability that a feature is dropped"),
  averageExponent: tuningSchema.shape.averageExponent,
  stepsPerCheckpoint: z.int().min(1).default(200).describe("steps between checkpoints"),
});

/** The ways to tune a trained generator. */
export const tuningMethods = ["consistency", "adversarial"] as const;
export type TuningMethod = (typeof tuningMethods)[number];

export type AdversarialOptions = z.infer<typeof adversarialSchema>;

export type GeneratorTrainingOptions = z.infer<typeof generatorTrainingSchema>;

export type TuningOptions = z.infer<typeof tuningSchema>;
