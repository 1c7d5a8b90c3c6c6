import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "./config.ts";
import type { RunFolder } from "./run-folder.ts";
import type { StageContext } from "./stage.ts";

/** A part of a build that can be run, displayed and interrupted separately. */
export interface Step {
  readonly name: string;
  /** The final sum of its counters `name/images` and `name/kept`; 0 if it counts nothing. */
  readonly total: number;
  /** Whether the end of the step is not worth a line. */
  readonly isQuiet?: boolean;
  /** What stands for `name` in these counters, if it is not the name. */
  readonly counter?: string;
  /** The part of `total` that one of several workers does; all of it if left out. */
  totalOf?(worker: Pick<StageContext, "rank" | "worldSize">): Promise<number>;
  /** Does the work; every yielded value is done. */
  run(context: StageContext): AsyncIterable<unknown>;
}

/** The input of every step. */
export interface StepOptions {
  readonly folder: RunFolder;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  /** Whether a worker continues with the units of other workers after its own. */
  readonly takeOver: boolean;
}
