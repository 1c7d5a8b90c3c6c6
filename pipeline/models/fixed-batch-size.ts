import { parseDevice } from "../../engine/device-name.ts";
import type { Config } from "../run/config.ts";

/** Number of images that the sampler's graph takes at once if no batch size is measured for it. */
export function fixedBatchSize({ sampler, device }: Pick<Config, "sampler" | "device">): number {
  if (sampler.batchSize !== "auto") return sampler.batchSize;
  // On a CPU the workers of the pool share its caches: measured in ADR 8. A GPU is partly idle with fewer images.
  return parseDevice(device).kind === "cpu" ? 16 : 64;
}
