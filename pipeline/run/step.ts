import type { ModelRuntime } from "../models/model-runtime.ts";
import type { Config } from "./config.ts";
import type { StageContext } from "./stage.ts";

/** A part of a build that can be run, shown and interrupted by itself. */
export interface Step {
  readonly name: string;
  /** What its counters `name/images` and `name/kept` add up to; 0 if it counts nothing. */
  readonly total: number;
  /** Does the work; what it yields is done. */
  run(context: StageContext): AsyncIterable<unknown>;
}

/** What every step works on. */
export interface StepOptions {
  /** The run folder. */
  readonly root: string;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  /** Go on with the units of other workers after one's own. */
  readonly help: boolean;
}
