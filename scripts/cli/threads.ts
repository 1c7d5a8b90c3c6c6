/** What tells a process about its surroundings. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * CPU threads of a command: those that were asked for, else those that Slurm gave the task.
 * @returns undefined to use every core that the process may use
 */
export function chooseThreads(asked: number | undefined, environment: Environment): number | undefined {
  if (asked !== undefined) return asked;
  const given = environment["SLURM_CPUS_PER_TASK"] ?? "";
  return /^[1-9]\d{0,3}$/.test(given) ? Number(given) : undefined;
}
