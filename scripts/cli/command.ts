import type * as z from "zod";
import type { ModelRuntime } from "../../pipeline/models/model-runtime.ts";
import type { Config } from "../../pipeline/run/config.ts";
import type { RunFolder } from "../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import type { Reporter } from "./reporter.ts";

/**
 * What `--run` of a command may name: nothing, for a command that works on this machine; a run folder; besides, the folder
 * of a data set; besides, the URL of one.
 */
export type Target = "none" | "run" | "dataset" | "location";

/** A command line, and what it does. */
export interface Example {
  readonly line: string;
  readonly effect: string;
}

/** A command of the command line, with options of its own. */
export interface CommandOf<Options extends z.ZodObject> {
  /** `["train", "generator"]`. */
  readonly words: readonly string[];
  readonly describe: string;
  readonly examples: readonly Example[];
  /** `run` if left out. */
  readonly target?: Target;
  /** Its own options. Their types, defaults, rules, flags and help follow from the schema; see `options.ts`. */
  readonly options?: Options;
  /** An own option that may stand without its name, before the folder. */
  readonly positional?: string;
  /** Keys of the configuration that are flags of this command: whole sections (`sampler`) or single keys (`count`). */
  readonly configKeys?: readonly string[];
  /** Keys that it takes too but does not list, because a run pins them when it begins, before this command can run. */
  readonly pinnedKeys?: readonly string[];
  /** What it does with words after `--`; without it, it takes none. */
  readonly extraWords?: string;
  /** Whether it takes the keys of a data set too, unlisted: they must be those that the run was begun with. */
  readonly checksConfig?: true;
  /**
   * Whether the run may be in a bucket, `s3://…`, which the command opens, or names for others to open. What lies at the
   * path of a run that it only names is not read.
   */
  readonly bucketRun?: "opened" | "named";
  /** Whether several workers can share its work. */
  readonly hasWorkers?: true;
  /** Whether it has `--threads`. */
  readonly hasThreads?: true;
  /** What `--json` prints; without it, there is no such flag. */
  readonly report?: z.ZodType;
  /**
   * What is said of an interruption, at once and at the end; by default that finished work is kept and a unit under way
   * is not.
   */
  readonly interruption?: { readonly stopping: string; readonly stopped: string };
  /** Restores files that the configuration is read from, before that. Returns their paths. */
  restore?(folder: RunFolder): Promise<readonly string[]>;
  /** The work, as steps that are run and shown one after the other. */
  steps?(session: Session<z.output<Options>>): readonly Step[] | Promise<readonly Step[]>;
  /** What `--dry-run` prints; by default the resolved configuration and its hash. */
  dryRun?(session: Session<z.output<Options>>): Promise<void>;
  /** What is left to do or to print after the steps. */
  finish?(session: Session<z.output<Options>>): Promise<void>;
}

/** A command, whatever its options. */
export type Command = CommandOf<z.ZodObject>;

/** A command under way. */
export interface Session<Values> {
  /** The run folder, data set folder or URL; of a command without one, the folder it was started in. */
  readonly root: string;
  /** The paths of the run folder. */
  readonly folder: RunFolder;
  readonly config: Config;
  /** What the command's `restore` has restored. */
  readonly restored: readonly string[];
  readonly runtime: ModelRuntime;
  readonly stepOptions: StepOptions;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** The command's own options. */
  readonly options: Values;
  /** The words after `--`. */
  readonly extraWords: readonly string[];
  /** Whether `--json` was given: then a report is printed as JSON, and nothing else to stdout. */
  readonly json: boolean;
  /** What the stages know of this process. */
  readonly context: StageContext;
}

/** Checks a command's parts against each other. */
export function defineCommand<Options extends z.ZodObject = z.ZodObject>(command: CommandOf<Options>): Command {
  return command;
}
