import { parseDevice } from "../../engine/device-name.ts";
import type { Config } from "../run/config.ts";

/** Images that the sampler's graph takes at once where none are to be measured for it. */
export function fixedBatchSize({ sampler, device }: Pick<Config, "sampler" | "device">): number {
  if (sampler.batchSize !== "auto") return sampler.batchSize;
  // On a CPU the pool share its caches: measured in ADR 8. A GPU is idle with fewer.
  return parseDevice(device).kind === "cpu" ? 16 : 64;
}
