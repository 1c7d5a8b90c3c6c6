/** `350 ms`, `12 s`, `3 min 5 s`, `2 h 14 min`. */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  if (whole < 1000) return `${whole} ms`;
  const seconds = Math.round(whole / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `950 B`, `4.8 MB`, `18.4 GB`; decimal units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const show = (power: number) => (bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1);
  // What would be rounded to 1000.0 has the next unit.
  const power = units.findIndex((_, index) => Number(show(index)) < 1000);
  const chosen = power === -1 ? units.length - 1 : power;
  return `${show(chosen)} ${units[chosen]}`;
}
