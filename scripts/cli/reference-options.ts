import { defaultCacheDirectory } from "../../shards/remote/cache-directory.ts";
import { optionalPath } from "./options.ts";

/** What images are compared with, and on which features; of `score` and `score-generator`. */
export const referenceOptions = {
  data: optionalPath("folder or .tar.gz of CIFAR-10, binary or Python version", "the run's"),
  features: optionalPath("ONNX file that makes features of images, such as Inception", "the judge's last layer"),
  featuresLabeler: optionalPath(
    "weights of the labeler that makes features",
    "the judge, which is the same in every release",
  ),
} as const;

/** Where features of CIFAR-10 are kept for all runs; undefined for a user without a home folder. */
export function featureCache(): string | undefined {
  try {
    return defaultCacheDirectory();
  } catch {
    return undefined;
  }
}
