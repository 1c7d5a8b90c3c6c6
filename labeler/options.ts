import * as z from "zod";

/** The classifier's architecture. It is stored with the weights. */
export const labelerNetworkSchema = z.strictObject({
  widths: z
    .array(z.int().min(1).max(4096))
    .min(2)
    .max(6)
    .default([64, 128, 256])
    .describe("channels of each group of the classifier; each group halves the image"),
  padded: z.boolean().default(false).describe("whether the classifier's first layer keeps the image's size"),
  activation: z.enum(["relu", "silu", "gelu"]).default("relu").describe("the classifier's activation"),
});

/** How the classifier is trained. */
export const labelerTrainingSchema = z.strictObject({
  ...labelerNetworkSchema.shape,
  // Padding gives even sides, which fit Winograd's convolutions. Weights of earlier releases were trained without it.
  padded: labelerNetworkSchema.shape.padded.default(true),
  epochs: z.number().positive().max(1_000_000).default(8).describe("passes over the train images"),
  batchSize: z.int().min(1).max(16_384).default(256).describe("images of one training step"),
  optimizer: z
    .enum(["muon", "sgd"])
    .default("muon")
    .describe("what moves filters; SGD with Nesterov momentum moves the rest in either case"),
  learningRate: z.number().positive().default(0.3).describe("peak learning rate of SGD"),
  muonLearningRate: z.number().positive().default(0.08).describe("peak learning rate of Muon"),
  muonWeightDecay: z.number().min(0).default(0.01).describe("weight decay of Muon"),
  weightDecay: z.number().min(0).default(5e-4).describe("weight decay of SGD"),
  labelSmoothing: z.number().min(0).max(0.99).default(0.1).describe("probability spread over all classes"),
  flip: z
    .enum(["random", "alternating"])
    .default("random")
    .describe("mirror images at random, or alternately: each image in every second epoch"),
  translation: z.int().min(0).max(16).default(2).describe("random translation, pixels"),
  jpeg: z.number().min(0).max(1).default(0.25).describe("probability that an image is shown as after a JPEG file"),
  cutout: z
    .int()
    .min(0)
    .max(32)
    .default(0)
    .describe("side in pixels of a random square of each image that is set to the mean color; 0 for none"),
  heldOut: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.02)
    .describe("part of the images that is not trained on: probabilities are calibrated on it"),
  viewsBelow: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "the trained labeler averages six views of an image instead of two if its confidence is below this; 0 for never",
    ),
});

/** Options that earlier releases lacked, and their values then. What identifies a training leaves them out at these values. */
export const impliedLabelerOptions: Readonly<Record<string, unknown>> = { flip: "random", cutout: 0, viewsBelow: 0 };

/** The options that identify a training, so that those of earlier releases go on. */
export function labelerIdentity(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(options).filter(([key, value]) => impliedLabelerOptions[key] !== value));
}

export type LabelerNetworkOptions = z.infer<typeof labelerNetworkSchema>;
export type LabelerTrainingOptions = z.infer<typeof labelerTrainingSchema>;
