/** Errors of what the command line asks for, whatever their area. */
const usageAreas = /^(config|usage)\//;

/** What another program holds now, and may let go. */
const transient: ReadonlySet<string> = new Set(["usage/port-taken"]);

/**
 * Errors of other areas that the same command would end in again: of what it asks for, and of the folders and files that it
 * names. All other errors are failures. Damaged data is one, and so is what is missing on this machine or not done yet.
 */
export const usageCodes: ReadonlySet<string> = new Set([
  ...["audit/empty", "audit/too-many-images"],
  "balance/class-missing",
  ...["card/edited", "card/out-of-range", "card/unknown-key"],
  ...["dataset/bad-rows", "dataset/exists", "dataset/not-empty", "dataset/no-such-row", "dataset/out-of-range"],
  ...["dataset/unknown-class", "dataset/unknown-flag", "dataset/unknown-split"],
  ...["engine/out-of-range", "engine/unknown-device"],
  ...["experiment/missing", "experiment/no-test-images", "experiment/not-json", "experiment/other-classes"],
  ...["experiment/out-of-range", "experiment/pool-too-small", "experiment/unknown-key"],
  "export/target-not-empty",
  ...["import/bad-class-names", "import/empty-class", "import/missing-file", "import/no-classes", "import/no-npz"],
  ...["import/no-train-images", "import/unknown-class", "import/unknown-source", "import/unknown-split"],
  ...["live/other-classes", "loader/out-of-range"],
  ...["model/guide-of-onnx", "model/unknown-format"],
  ...["options/unknown-key", "permutation/out-of-range"],
  "publish/other-dataset",
  ...["regenerate/no-such-id", "regenerate/removed"],
  ...["run/config-changed", "run/data-changed", "run/data-missing", "run/imported", "run/is-dataset", "run/missing"],
  ...["score/bad-rows", "score/no-test-images", "score/other-classes"],
  "score/too-few-images",
  ...["store/bad-location", "store/out-of-range"],
  ...["submit/tasks-changed", "submit/too-many-tasks", "submit/unknown-partition"],
  ...["submit/walltime-too-long", "submit/walltime-too-short"],
  ...[
    "train/config-changed",
    "train/cooling-down",
    "train/finished",
    "train/nothing-to-finish",
    "train/too-few-images",
    "train/unfinished",
  ],
  "unit/config-changed",
  "verify/out-of-range",
]);

/** Whether the same command would end in an error again, for what it asks is wrong. */
export function isWrongUsage(code: string): boolean {
  return (usageAreas.test(code) && !transient.has(code)) || usageCodes.has(code);
}
