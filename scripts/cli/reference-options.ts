import type { Options } from "yargs";
import { defaultCacheDirectory } from "../../shards/index.ts";

/** What images are compared with, and on which features; of `score` and `score-generator`. */
export const referenceOptions = {
  data: {
    type: "string",
    requiresArg: true,
    describe: "folder or .tar.gz of CIFAR-10, binary version [default: the run's]",
  },
  features: {
    type: "string",
    requiresArg: true,
    describe: "ONNX file that makes features of images, such as Inception [default: the judge's last layer]",
  },
  "features-labeler": {
    type: "string",
    requiresArg: true,
    describe: "weights of the labeler that makes features [default: the judge, which no release changes]",
  },
} as const satisfies Readonly<Record<string, Options>>;

/** Where features of CIFAR-10 are kept for all runs; undefined for a user without a home folder. */
export function featureCache(): string | undefined {
  try {
    return defaultCacheDirectory();
  } catch {
    return undefined;
  }
}
