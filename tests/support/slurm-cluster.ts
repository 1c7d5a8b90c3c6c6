import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll } from "vitest";

const execute = promisify(execFile);
const script = fileURLToPath(new URL("slurm-cluster.sh", import.meta.url));
/** Of a cluster for tests; each has two CPUs, whatever the machine has. */
const numNodes = 3;

/** Why there can be no cluster here; undefined if there can. */
export function missingForSlurm(): string | undefined {
  const missing = ["slurmctld", "slurmd", "sbatch", "munged"].filter(
    (name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0,
  );
  if (missing.length > 0)
    return `there is no ${missing.join(", ")}: apt-get install slurmctld slurmd slurm-client munge`;
  return process.getuid?.() === 0 ? undefined : "slurmctld needs root here";
}

/** A real Slurm on this machine, for all tests of a file. Its programs find it by SLURM_CONF. */
export function slurmForAllTests(): { readonly folder: () => string } {
  let folder = "";
  beforeAll(async () => {
    if (missingForSlurm() !== undefined) return;
    folder = await mkdtemp(join(tmpdir(), "cifar5m-slurm-"));
    const basePort = String(20_000 + 8 * Math.floor(Math.random() * 1000));
    await execute(script, ["start", folder, String(numNodes)], { env: { ...process.env, BASE_PORT: basePort } });
    process.env.SLURM_CONF = join(folder, "slurm.conf");
  });
  afterAll(async () => {
    if (folder === "") return;
    await slurm("scancel", "--user=root").catch(() => undefined);
    await execute(script, ["stop", folder]).catch(() => undefined);
    delete process.env.SLURM_CONF;
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 });
  });
  return { folder: () => folder };
}

/** Runs a program of Slurm's. @returns what it printed */
export async function slurm(program: string, ...args: readonly string[]): Promise<string> {
  return (await execute(program, args)).stdout;
}

/** States of a run's jobs that the queue remembers: `sample 1 RUNNING`, by job and rank. */
export async function statesOf(root: string): Promise<string[]> {
  const printed = await slurm("squeue", "-h", "-r", "-t", "all", "-o", "%k|%j %K %T");
  return printed.split("\n").flatMap((line) => {
    const [comment, state = ""] = line.split("|");
    return comment === `cifar5m ${root}` ? [state.replace(/^cifar5m-/, "")] : [];
  });
}

const openStates = /PENDING|RUNNING|COMPLETING|CONFIGURING|REQUEUED/;

/**
 * Waits until no job of a run is in the queue. A job that goes back into the queue is held for two minutes; it is let go
 * at once.
 */
export async function waitForEnd(root: string): Promise<void> {
  await waitUntil(async () => {
    await releaseHeld();
    return !(await statesOf(root)).some((state) => openStates.test(state));
  });
}

/** Lets requeued jobs begin at once. */
export async function releaseHeld(): Promise<void> {
  const printed = await slurm("squeue", "-h", "-r", "-t", "PENDING", "-o", "%i %r");
  const held = printed.split("\n").filter((line) => line.endsWith(" BeginTime"));
  for (const line of held) {
    await slurm("scontrol", "update", `JobId=${line.split(" ")[0]}`, "StartTime=now").catch(() => undefined);
  }
}

/** Less than the time limit of a test, so that what it waited for is told. */
const patienceMs = 540_000;

/** Waits for a state that must come. @throws Error with the queue, if it does not come before the test's time is over */
export async function waitUntil(isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + patienceMs;
  while (!(await isTrue())) {
    if (Date.now() > endMs) throw new Error(`never true: ${isTrue}\n${await slurm("squeue", "-r", "-t", "all")}`);
    await sleep(250);
  }
}

/** Processes of this machine whose command line has all words, and whose environment all settings. */
export async function findProcesses(words: readonly string[], settings: readonly string[] = []): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const [args, environment] = await Promise.all(
      ["cmdline", "environ"].map((file) => readFile(`/proc/${name}/${file}`, "utf8").catch(() => "")),
    );
    const has = (text: string, part: string) => text.split("\0").includes(part);
    if (words.every((word) => has(args!, word)) && settings.every((one) => has(environment!, one))) {
      found.push(Number(name));
    }
  }
  return found;
}

/** Submits a job of higher priority that needs all nodes for some seconds, so that every task is preempted. */
export async function takeAllNodes(): Promise<void> {
  const options = ["--partition=urgent", "--nodes=3", "--exclusive", "--time=1", "--output=/dev/null"];
  await slurm("sbatch", ...options, "--wrap=sleep 3");
}
