import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "../run/config.ts";
import type { RunFolder } from "../run/run-folder.ts";

/** What to audit, and how thoroughly. */
export interface AuditOptions {
  /** A run folder, or a data set folder. */
  readonly folder: RunFolder;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  /** Path of CIFAR-10; by default the run's copy. */
  readonly data?: string | undefined;
  /** Number of images to audit, chosen at random by the seed; all if it is left out. */
  readonly sample?: number | undefined;
  /** Number of copies of each kind that the audit plants, to see whether it finds them. */
  readonly numPlanted: number;
}
