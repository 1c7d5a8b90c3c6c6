import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Runs a program and kills it after a while, again and again, then lets it end. */
export async function killAndResume(options: {
  readonly program: readonly string[];
  readonly numKills: number;
  /** The kill comes at a random moment up to this. */
  readonly maxLifeMs: number;
  /** In [0, 1); called once a kill. */
  readonly random: () => number;
}): Promise<{ readonly numKilled: number }> {
  let numKilled = 0;
  for (let kill = 0; kill < options.numKills; kill++) {
    const child = spawn(process.execPath, options.program, { stdio: "ignore" });
    const ended = endOf(child);
    await Promise.race([sleep(options.random() * options.maxLifeMs), ended]);
    child.kill("SIGKILL");
    if ((await ended) === null) numKilled++;
  }
  await runToEnd(options.program);
  return { numKilled };
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
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.sort().map(async (path) => {
      const hash = createHash("sha256")
        .update(await readFile(path))
        .digest("hex");
      return `${path.slice(folder.length)} ${hash}`;
    }),
  );
}
