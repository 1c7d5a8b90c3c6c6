/** The time that Slurm gives a task, in seconds, from the ways to write it; undefined for other texts. */
export function parseWalltime(text: string): number | undefined {
  // minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds
  const found = /^(?:(\d+)-(\d+)(?::(\d+)(?::(\d+))?)?|(?:(\d+):)?(\d+):(\d+)|(\d+))$/.exec(text);
  if (found === null) return undefined;
  const [days, dayHours, dayMinutes, daySeconds, hours, minutes, seconds, minutesAlone] = found
    .slice(1)
    .map((part) => Number(part ?? 0));
  const total =
    86_400 * days! +
    3600 * (dayHours! + hours!) +
    60 * (dayMinutes! + minutes! + minutesAlone!) +
    (daySeconds! + seconds!);
  return total > 0 ? total : undefined;
}

/** A task is asked to end this long before its walltime, seconds. */
export function noticeSeconds(walltimeSeconds: number): number {
  return Math.min(120, Math.floor(walltimeSeconds / 4));
}

/** Slurm may give notice a minute early. */
const earlySeconds = 60;

/** How long before the walltime no unit may end any more, seconds. */
export function reserveSeconds(walltimeSeconds: number): number {
  return noticeSeconds(walltimeSeconds) + Math.min(earlySeconds, Math.floor(walltimeSeconds / 8));
}

/** The part of the walltime in which units may be done, seconds. */
export function workSeconds(walltimeSeconds: number): number {
  return walltimeSeconds - reserveSeconds(walltimeSeconds);
}
