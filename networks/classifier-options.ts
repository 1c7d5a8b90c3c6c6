import * as z from "zod";

/** A number of channels or features. */
export const widthSchema = z.int().min(1).max(65_536);

/** The options that all experiment networks share. */
export const classifierOptions = {
  numClasses: z.int().min(2).max(65_536).default(10).describe("classes to tell apart"),
  dropout: z.number().min(0).max(0.9).default(0).describe("probability that a feature is dropped in training"),
};
