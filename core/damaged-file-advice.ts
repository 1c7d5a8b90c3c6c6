/**
 * What to do about a damaged file: a shard, a manifest, or a table of an experiment. Who reads it cannot tell whether a
 * run made it.
 */
export const damagedFileAdvice =
  "If it belongs to a run, `cifar5m repair` makes it again; otherwise delete it, and fetch or make it again.";
