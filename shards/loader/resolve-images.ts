import { requireKeys } from "../../core/require-keys.ts";
import { warnOfOldName } from "../../core/warn-of-old-name.ts";
import type { Augmentation } from "./augmentation.ts";
import { cifar10Normalization, type ImageFormat, type Normalization } from "./image-format.ts";
import type { AnyLoaderOptions } from "./loader-options.ts";
import { outOfRange, requireBoolean, requireChoice, requireInteger, requireNumber } from "./require-option.ts";

/** @throws Cifar5mError `options/unknown-key`, `loader/out-of-range` */
export function resolveFormat({ dtype = "uint8", layout = "NHWC", normalize = false }: AnyLoaderOptions): ImageFormat {
  requireChoice("dtype", dtype, ["uint8", "float32"]);
  requireChoice("layout", layout, ["NHWC", "NCHW"]);
  const normalization =
    normalize === true ? cifar10Normalization : normalize === false ? undefined : withStd(normalize);
  if (normalization !== undefined) {
    if (dtype === "uint8") throw outOfRange("normalize", "false where dtype is uint8", normalize);
    requireKeys("normalize", normalization, ["mean", "std"]);
    for (const key of ["mean", "std"] as const) {
      if (normalization[key]?.length !== 3) {
        throw outOfRange(`normalize.${key}`, "three numbers", normalization[key], "Pass one for each channel.");
      }
    }
    for (const channel of [0, 1, 2]) {
      requireNumber("normalize.mean", normalization.mean[channel], -1e6, 1e6);
      requireNumber("normalize.std", normalization.std[channel], 1e-6, 1e6);
    }
  }
  return { dtype, layout, normalize: normalization };
}

/** Accepts `deviation`, the name in version 0.1, for `std`. */
function withStd(normalization: Normalization & { readonly deviation?: Normalization["std"] }): Normalization {
  const { deviation, ...rest } = normalization ?? {};
  if (deviation === undefined) return normalization;
  warnOfOldName("CIFAR5M001", "normalize.deviation is now normalize.std. The old name works in this release only.");
  return { ...rest, std: rest.std ?? deviation };
}

/** @throws Cifar5mError `options/unknown-key`, `loader/out-of-range` */
export function resolveAugmentation(augment: AnyLoaderOptions["augment"] = {}, { dtype }: ImageFormat): Augmentation {
  requireKeys("augment", augment, ["flip", "crop", "cutout", "mixup"]);
  const { flip = false, crop = false, cutout, mixup } = augment;
  requireBoolean("augment.flip", flip);
  for (const [name, value] of Object.entries({ crop, cutout, mixup })) {
    const keys = { crop: ["padding", "mode"], cutout: ["size"], mixup: ["alpha"] }[name]!;
    if (value !== undefined && typeof value !== "boolean") requireKeys(`augment.${name}`, value, keys);
  }
  const resolvedCrop =
    crop === false ? undefined : { padding: 4, mode: "zero" as const, ...(crop === true ? {} : crop) };
  if (resolvedCrop !== undefined) {
    requireInteger("augment.crop.padding", resolvedCrop.padding, 0, 31);
    requireChoice("augment.crop.mode", resolvedCrop.mode, ["zero", "reflect"]);
  }
  if (cutout !== undefined) requireInteger("augment.cutout.size", cutout.size, 1, 64);
  if (mixup !== undefined) {
    requireNumber("augment.mixup.alpha", mixup.alpha, 1e-3, 1e3);
    if (dtype !== "float32") throw outOfRange("dtype", "float32 for augment.mixup", dtype);
  }
  return { flip, crop: resolvedCrop, cutout, mixup };
}
