import { Cifar5mError } from "../../../core/errors.ts";

/** An option of sbatch that the scripts need for themselves. */
interface ReservedOption {
  readonly name: string;
  /** Its letter, if it has one. */
  readonly letter?: string;
  /** The option of `submit` that does the same. */
  readonly own?: string;
  /** The variable of the environment that would override the script, where it is not named like the option. */
  readonly variable?: string;
  /** Words that do not break the chain. */
  readonly harmless?: RegExp;
}

const reserved: readonly ReservedOption[] = [
  // By name and comment the jobs of a run are found in the queue, so that none is submitted twice.
  { name: "job-name", letter: "J" },
  { name: "comment" },
  { name: "clusters", letter: "M" },
  { name: "array", letter: "a", variable: "SBATCH_ARRAY_INX" },
  { name: "ntasks", letter: "n" },
  { name: "dependency", letter: "d" },
  { name: "kill-on-invalid-dep" },
  { name: "output", letter: "o" },
  { name: "error", letter: "e" },
  { name: "open-mode" },
  { name: "requeue" },
  { name: "no-requeue" },
  // Tasks wait for SIGTERM. How early it comes is the user's to choose.
  { name: "signal", harmless: /^--signal=TERM@\d+$/ },
  // What `submit` reads is the id of a job, at once.
  { name: "parsable" },
  { name: "test-only" },
  { name: "wait", letter: "W" },
  { name: "wrap" },
  { name: "time", letter: "t", own: "time", variable: "SBATCH_TIMELIMIT" },
  { name: "cpus-per-task", letter: "c", own: "cpus" },
];

/** Letters of sbatch's switches, which may stand before another letter in one word: `-HJ lab`. */
const switchLetters = "hHIkOQsvV";

/**
 * Refuses options that would break the chain: two chains of one run, an array where one task is meant, a log elsewhere.
 * @param words - after `--`
 * @throws Cifar5mError `usage/wrong`
 */
export function requireUnreserved(words: readonly string[]): void {
  for (const word of words) {
    const found = reserved.find((option) => names(word, option) && option.harmless?.test(word) !== true);
    if (found === undefined) continue;
    const advice = found.own === undefined ? "Leave it out." : `Use --${found.own} before --.`;
    throw new Cifar5mError(
      "usage/wrong",
      `after --, submit slurm takes the options of sbatch that it does not set itself, as it does --${found.name}, got ${word}. ${advice}`,
    );
  }
}

/** Whether a word is an option, in any way that sbatch reads: `--comment=x`, `--com x`, `-Jx`, `-HJx`. */
function names(word: string, { name, letter }: ReservedOption): boolean {
  if (word.startsWith("--")) return name.startsWith(word.slice(2).split("=", 1)[0]!);
  return letter !== undefined && new RegExp(`^-[${switchLetters}]*${letter}`).test(word);
}

/** The variable that names the partition of jobs, unless an option does. */
export const partitionVariable = "SBATCH_PARTITION";
/** Variables of lines that `submit` writes itself and that may come after `--` as well. */
const writtenVariables = /^SBATCH_(PARTITION|MEM_PER_(NODE|CPU|GPU)|GPUS(_PER_(NODE|SOCKET|TASK))?|CPUS_PER_GPU)$/;

/** The environment without variables that Slurm's programs would prefer to the lines of a script, or that narrow their answers. */
export function slurmEnvironment(): NodeJS.ProcessEnv {
  const variables = new Set(
    reserved.map(({ name, variable }) => variable ?? `SBATCH_${name.toUpperCase().replaceAll("-", "_")}`),
  );
  const isKept = (name: string) =>
    !variables.has(name) && !writtenVariables.test(name) && !/^(SQUEUE|SINFO)_/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isKept(name)));
}
