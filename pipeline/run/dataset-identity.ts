import { executionIdentity } from "../../engine/executor.ts";
import type { Identity } from "../../storage/pin-config.ts";
import { type Config, keysOutsideTheDataset, labelingIdentity, samplerIdentity, selectionIdentity } from "./config.ts";
import { omitKeys } from "./config-keys.ts";
import { firstTestId } from "./units.ts";

/**
 * Everything that determines the bytes of an image and its label, given its id and the two models: every key but
 * `keysOutsideTheDataset`. The size is none of it, so a set may grow.
 */
export function datasetIdentity(config: Config): Identity {
  const { seed, engine, device, precision, sampler, labeling, dropNearCopies, balance, ...others } = config;
  return {
    ...executionIdentity({ seed, engine, device, precision }),
    ...omitKeys({ ...others, sampler: samplerIdentity(sampler) }, keysOutsideTheDataset),
    ...labelingIdentity({ labeling }),
    ...selectionIdentity({ dropNearCopies, balance }),
    testIdStart: firstTestId,
  };
}

/** The identity of a run that an earlier release began. Its test ids follow its train ids, so its size is part of it. */
export function fixedSizeIdentity(config: Config): Identity {
  const { testIdStart: _, ...identity } = datasetIdentity(config);
  return { ...identity, count: config.count, testCount: config.testCount };
}
