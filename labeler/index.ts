/** The classifier that labels generated images. */

export type { LabeledImages } from "../core/image-layout.ts";
export { type CreateLabelerOptions, createLabeler, createLabelerFeatures, type Labeler } from "./create-labeler.ts";
export { foreignLabelerGraph, foreignLabelerSchema } from "./foreign-labeler.ts";
export { frozenLabeler } from "./frozen-labeler.ts";
export { labelerSteps } from "./hold-out.ts";
export type { ImageFunction, ImageFunctionOptions, ImageGraph } from "./image-function.ts";
export {
  type LabelerNetworkOptions,
  type LabelerTrainingOptions,
  labelerNetworkSchema,
  labelerTrainingSchema,
} from "./options.ts";
export { type TrainLabelerOptions, trainLabeler } from "./train-labeler.ts";
