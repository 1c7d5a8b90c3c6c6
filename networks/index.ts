/** Networks, layers, augmentation and schedules as pure functions that build graphs. */
export { coin, cutout, flipWhere, randomTranslation } from "./augment.ts";
export { alternatingFlips, batchIndices } from "./batch-order.ts";
export {
  buildExperimentNetwork,
  type ExperimentNetworkName,
  type ExperimentNetworkOptions,
  type ExperimentPresetName,
  experimentNetworkSchema,
  experimentNetworks,
  experimentPresets,
} from "./experiment-networks.ts";
export { imagesFromBytes } from "./image-input.ts";
export {
  batchNormLayer,
  type ConvLayerOptions,
  convLayer,
  dropoutLayer,
  groupNormLayer,
  layerNormLayer,
  linearLayer,
  normRelu,
  torchInitializer,
} from "./layers.ts";
export { type ResNetBodyOptions, type ResNetOptions, resnet, resnetFeatures } from "./resnet.ts";
export { powerEmaDecay, triangularSchedule } from "./schedules.ts";
export { unet } from "./unet.ts";
export type { UNetOptions } from "./unet-parts.ts";
export { symmetricEigen, whiteningFilters } from "./whitening.ts";
