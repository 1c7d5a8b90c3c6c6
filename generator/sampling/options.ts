import * as z from "zod";
import { scheduleNames } from "./noise-levels.ts";
import { samplerNames } from "./plan-trajectory.ts";

/** The guides that guidance can lead away from. */
const guideNames = ["unconditional", "weaker"] as const;

/** How images are sampled. */
export const samplerSchema = z.strictObject({
  name: z.enum(samplerNames).default("dpm-solver-2m").describe("how a trajectory from noise to an image is followed"),
  steps: z.int().min(1).max(1000).default(13).describe("noise levels of the trajectory"),
  schedule: z.enum(scheduleNames).default("karras").describe("how noise levels are spread; linear-beta is DDPM's"),
  sigmaMin: z
    .number()
    .positive()
    .default(0.02)
    .describe("smallest noise level, pixels in [-1, 1]; linear-beta has its own"),
  sigmaMax: z
    .number()
    .positive()
    .default(80)
    .describe("largest noise level, pixels in [-1, 1]; linear-beta has its own"),
  rho: z
    .number()
    .min(0.1)
    .max(1000)
    .default(10)
    .describe("how karras spreads noise levels; larger puts more of them low"),
  conditional: z.boolean().default(true).describe("ask for images of a class; false takes what comes"),
  guidance: z
    .number()
    .min(0)
    .max(100)
    .default(1)
    .describe("guidance scale; 1 is the plain model, any other costs a second call"),
  guidanceMin: z.number().min(0).default(0).describe("smallest noise level at which guidance applies"),
  guidanceMax: z.number().positive().default(1000).describe("largest noise level at which guidance applies"),
  guide: z
    .enum(guideNames)
    .default("unconditional")
    .describe(
      "what guides: the same model without a class, or the weaker model in the generator's file (autoguidance)",
    ),
  churn: z
    .number()
    .min(0)
    .default(0)
    .describe("heun: S_churn of EDM, the sum over the steps of the relative rise of the noise level"),
  churnMin: z
    .number()
    .min(0)
    .default(0.05)
    .describe(
      "heun: smallest noise level at which noise is added; this and the next two default to EDM's values for ImageNet-64",
    ),
  churnMax: z.number().min(0).default(50).describe("heun: largest noise level at which noise is added"),
  churnNoise: z.number().min(0).default(1.003).describe("heun: standard deviation of the noise that is added"),
  batchSize: z.int().min(1).max(16_384).default(16).describe("images that the graph takes at once"),
});

export type SamplerOptions = z.infer<typeof samplerSchema>;
