import type { Options } from "yargs";
import type { ModelRuntime } from "../../pipeline/models/model-runtime.ts";
import type { Config } from "../../pipeline/run/config.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step, StepOptions } from "../../pipeline/run/step.ts";
import type { Reporter } from "./reporter.ts";

/** A command of the command line. */
export interface Command {
  /** `["train", "generator"]`. */
  readonly words: readonly string[];
  readonly describe: string;
  /** Keys of the configuration that are flags of this command: whole sections (`sampler`) or single keys (`count`). */
  readonly configKeys: readonly string[];
  /** Whether it works on this machine, not on a run folder: then it has no options of a run. */
  readonly folderless?: true;
  /** The option that may also stand alone, without its name: `cifar5m serve DIR`. */
  readonly positional?: string;
  /** The option of a path that may be a URL too. */
  readonly remoteOption?: "run" | "to";
  /** What is said of an interruption, at once and at the end; by default that a batch is finished and kept. */
  readonly interruption?: { readonly stopping: string; readonly stopped: string };
  /** Its own options, beyond those that all commands share. */
  readonly options?: Readonly<Record<string, Options>>;
  /** The work, as steps that are run and shown one after the other. */
  readonly steps?: (session: Session) => readonly Step[] | Promise<readonly Step[]>;
  /** What `--dry-run` prints; by default the resolved configuration and its hash. */
  readonly dryRun?: (session: Session) => Promise<void>;
  /** What is left to do or to print after the steps. */
  readonly finish?: (session: Session) => Promise<void>;
}

/** A command under way. */
export interface Session {
  /** The run folder; of a command without one, the folder it was started in. */
  readonly root: string;
  readonly config: Config;
  readonly runtime: ModelRuntime;
  readonly stepOptions: StepOptions;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** The value of one of the command's own options. */
  readonly option: (name: string) => string | undefined;
  /** Whether one of the command's own switches is on, or off (`--no-NAME`); undefined if it was not given. */
  readonly flag: (name: string) => boolean | undefined;
  /** What the stages know of this process. */
  readonly context: StageContext;
}

/** Keys that determine the data set. */
export const datasetKeys = [
  "seed",
  "engine",
  "device",
  "precision",
  "count",
  "testCount",
  "unitSize",
  "sampler",
  "labeling",
] as const;
