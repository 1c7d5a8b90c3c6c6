import { open } from "node:fs/promises";

/** Bytes at the end of a log in which its last line is looked for. */
const tailBytes = 8192;
/** Lines that say that something ended, not why. */
const noise = /^(==|srun:|slurmstepd[^:]*:|\s*$)/;

/**
 * The last line of a log that says something. @returns undefined if there is no log, or nothing in it
 */
export async function readLastLine(path: string): Promise<string | undefined> {
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, tailBytes)), 0, undefined, start);
    const lines = buffer.toString("utf8", 0, bytesRead).split("\n");
    const telling = lines.filter((line) => !noise.test(line));
    return telling.at(-1) ?? lines.findLast((line) => line.trim() !== "");
  } finally {
    await handle.close();
  }
}
