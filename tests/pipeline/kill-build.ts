import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import pLimit from "p-limit";

/** Longer than any build of a test. */
const foreverMs = 3_600_000;

/**
 * Builds in one new folder after the other, each killed at random moments and called again until it ends by itself, until
 * there were as many kills as asked for. How fast the machine is changes only how many builds that takes.
 * @param options.check - gets the folder of each finished build
 */
export async function killBuilds(options: {
  readonly program: (root: string) => readonly string[];
  readonly folder: string;
  readonly numKills: number;
  /** A kill comes at a random moment up to this. */
  readonly maxLifeMs: number;
  readonly check: (root: string) => Promise<void>;
  /** When the time before a kill starts: with the process (default), or with its first output, which shows that it works. */
  readonly countFrom?: "start" | "ready";
  /** Fills the new folder, if the program needs files in it. */
  readonly prepare?: (root: string) => Promise<void>;
  /** Receives the folder after each kill. */
  readonly checkKilled?: (root: string) => Promise<void>;
}): Promise<void> {
  let numKilled = 0;
  for (let build = 0; numKilled < options.numKills; build++) {
    const root = join(options.folder, `killed${build}`);
    const program = options.program(root);
    await options.prepare?.(root);
    // After the last kill the build may take as long as it needs.
    const lifeMs = () => (numKilled < options.numKills ? Math.random() * options.maxLifeMs : foreverMs);
    while (await runAndKill(program, lifeMs(), options.countFrom)) {
      numKilled++;
      await options.checkKilled?.(root);
    }
    await options.check(root);
    await rm(root, { recursive: true });
  }
}

/** Whether the program was killed, after the time given, or ended well before. Throws if it failed. */
export async function runAndKill(
  program: readonly string[],
  lifeMs: number,
  countFrom: "start" | "ready" = "start",
): Promise<boolean> {
  const child = spawn(process.execPath, program, {
    stdio: ["ignore", countFrom === "ready" ? "pipe" : "ignore", "ignore"],
  });
  const ended = endOf(child);
  if (countFrom === "ready") await Promise.race([new Promise((resolve) => child.stdout?.once("data", resolve)), ended]);
  const timer = setTimeout(() => child.kill("SIGKILL"), lifeMs);
  const code = await ended;
  clearTimeout(timer);
  if (code !== null && code !== 0) throw new Error(`${program.join(" ")} ended with ${code}`);
  return code === null;
}

/** Runs a program to its end. Throws with what it printed if it fails. */
export async function runToEnd(program: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, program, { stdio: ["ignore", "ignore", "pipe"] });
  let printed = "";
  child.stderr.on("data", (text) => {
    printed += String(text);
  });
  if ((await endOf(child)) !== 0) throw new Error(printed);
}

/** The exit code, or null if a signal ended it. */
function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on("close", resolve));
}

/** Names and hashes of all files below a folder, sorted by name; temporaries too. */
export async function hashFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  // Event files hold the time of each record.
  const hasTimes = (name: string) => name.startsWith("events.out.tfevents");
  const files = entries
    .filter((entry) => entry.isFile() && !hasTimes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return await pLimit(16).map(files.sort(), async (path) => {
    const hash = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    return `${path.slice(folder.length)} ${hash}`;
  });
}
