import * as z from "zod";
import { experimentNetworkSchema } from "../networks/index.ts";

/** Number of steps of a training, at most; the paper uses 39,000. */
const maxSteps = 100_000_000;

const augmentations = ["none", "flip", "crop-flip", "cutout", "mixup"] as const;

/** The rule that updates the weights. */
const optimizerSchema = z.discriminatedUnion("name", [
  z
    .strictObject({
      name: z.literal("sgd"),
      momentum: z.number().min(0).max(1).default(0),
      nesterov: z.boolean().default(false),
      weightDecay: z.number().min(0).default(0).describe("added to the gradient"),
    })
    .refine(({ momentum, nesterov }) => !nesterov || momentum > 0, {
      path: ["nesterov"],
      error: "must be false where momentum is 0",
    }),
  z.strictObject({
    name: z.enum(["adam", "adamw"]).describe("`adam` adds weight decay to the gradient, `adamw` keeps it apart"),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    weightDecay: z.number().min(0).default(0),
  }),
]);

/** The learning rate over the steps, relative to its peak. */
export const scheduleSchema = z.strictObject({
  name: z.enum(["constant", "cosine", "step"]).default("cosine"),
  warmUp: z.number().min(0).max(1).default(0).describe("part of all steps over which the rate rises from 0"),
  milestones: z
    .array(z.number().min(0).max(1))
    .default([0.5, 0.75])
    .describe("`step`: parts of all steps at which the rate falls"),
  factor: z.number().positive().lt(1).default(0.1).describe("`step`: what it is multiplied with there"),
  stepsPerChange: z.int().min(1).default(1).describe("steps between two changes; the paper's code has 390"),
});

/** What a network learns before the experiment. The experiment starts with a new head. */
const pretrainingSchema = z.strictObject({
  task: z
    .enum(["labels", "rotation"])
    .default("labels")
    .describe("`rotation`: by how many quarter turns an image was turned"),
  dataset: z.string().min(1).optional().describe("another data set than the experiment's"),
  classes: z.array(z.string()).min(1).optional().describe("only images of these classes"),
  steps: z.int().min(1).max(maxSteps),
  learningRate: z.number().positive().optional().describe("that of the run by default"),
});

/** When metrics are computed. */
const evaluationSchema = z.strictObject({
  steps: z
    .union([z.literal("paper"), z.int().min(2).max(100_000)])
    .default("paper")
    .describe(
      "`paper`: every 4 steps below 1,024, every 8 below 2,048, every 64 after; a number: so many, dense early and sparse later, fewer if two fall on one step",
    ),
  testSamples: z.int().min(1).default(10_000).describe("images of the test split"),
  trainSamples: z.int().min(1).default(10_000).describe("of the N train images, for the real world's train metrics"),
});

/** Options of one training. They hold everything that changes its curve. */
export const runOptionsSchema = z.strictObject({
  network: experimentNetworkSchema
    .refine(({ numClasses }) => numClasses === 10, {
      path: ["numClasses"],
      error: "must be left out, since the data set has the number of classes",
    })
    .describe("options of a network, or the name of a preset"),
  world: z
    .enum(["real", "ideal"])
    .default("real")
    .describe("`real`: N samples, reused; `ideal`: every step fresh ones"),
  numSamples: z.int().min(1).default(50_000).describe("N of the real world"),
  steps: z.int().min(1).max(maxSteps).default(39_000).describe("T, the same in both worlds"),
  batchSize: z.int().min(1).max(16_384).default(128),
  optimizer: optimizerSchema.default({ name: "sgd", momentum: 0, nesterov: false, weightDecay: 0 }),
  learningRate: z.number().positive().default(0.1).describe("the peak"),
  schedule: scheduleSchema.prefault({}),
  clipNorm: z.number().positive().optional().describe("largest norm of the gradient"),
  loss: z
    .enum(["cross-entropy", "mse"])
    .default("cross-entropy")
    .describe("`mse`: squared differences of logits and one-hot labels, summed over the classes"),
  augmentation: z.enum(augmentations).default("none"),
  classes: z
    .array(z.string())
    .min(2)
    .refine((names) => new Set(names).size === names.length, "must name each class once")
    .optional()
    .describe("only images of these classes, of train and test"),
  labelNoise: z
    .strictObject({ rate: z.number().min(0).max(1), on: z.enum(["train", "both"]).default("train") })
    .optional(),
  pretraining: pretrainingSchema.optional(),
  shuffle: z
    .boolean()
    .default(true)
    .describe("real world: another order every epoch; false: that of the ideal world, over and over"),
  stopBelow: z
    .number()
    .min(0)
    .default(0.01)
    .describe("the real world ends when its train loss is below this; 0 for never"),
  evaluation: evaluationSchema.prefault({}),
  seed: z.int().min(0).default(0).describe("of the weights, the order, the subset, the augmentation and the noise"),
});

export type OptimizerOptions = z.infer<typeof optimizerSchema>;
export type ScheduleOptions = z.infer<typeof scheduleSchema>;
export type PretrainingOptions = z.infer<typeof pretrainingSchema>;
export type EvaluationOptions = z.infer<typeof evaluationSchema>;
export type RunOptions = z.infer<typeof runOptionsSchema>;
export type Augmentation = RunOptions["augmentation"];
