import { statfs } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { availableThreads } from "../../engine/available-threads.ts";
import { runProgram } from "../run-program.ts";

/** The properties of a machine that matter to a build. */
export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  /** Number of cores that this process may use. */
  readonly numCores: number;
  /** Memory that this process may use, bytes. */
  readonly memoryBytes: number;
  /** Free disk space where the command was started. */
  readonly freeDiskBytes: number;
  /** Why pictures cannot be rendered; undefined if they can. */
  readonly sharpProblem: string | undefined;
  readonly gpus: readonly Gpu[];
}

/** A GPU as `nvidia-smi` lists it. */
export interface Gpu {
  /** `cuda:0` */
  readonly device: string;
  readonly name: string;
  readonly memoryBytes: number;
  readonly driver: string;
}

/** @param folder - the folder whose disk is inspected */
export async function inspectMachine(folder: string, signal: AbortSignal): Promise<Machine> {
  const { bavail, bsize } = await statfs(folder);
  // The memory limit of a container may be below the machine's memory.
  const limit = process.constrainedMemory();
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? "unknown",
    numCores: availableThreads(),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    freeDiskBytes: bavail * bsize,
    sharpProblem: await sharpProblem(),
    gpus: await listGpus(signal),
  };
}

async function sharpProblem(): Promise<string | undefined> {
  try {
    const { default: sharp } = await import("sharp");
    await sharp({ create: { width: 1, height: 1, channels: 3, background: "black" } })
      .png()
      .toBuffer();
    return undefined;
  } catch (thrown) {
    return String(thrown).split("\n", 1)[0];
  }
}

/** The NVIDIA GPUs; empty if there is no driver. */
async function listGpus(signal: AbortSignal): Promise<Gpu[]> {
  const query = ["--query-gpu=index,memory.total,driver_version,name", "--format=csv,noheader,nounits"];
  const { exitCode, output } = await runProgram("nvidia-smi", query, { signal });
  return exitCode === 0 ? parseGpus(output) : [];
}

/** @param csv - lines of index, memory in MiB, driver, name */
export function parseGpus(csv: string): Gpu[] {
  return csv.split("\n").flatMap((line) => {
    const [, index, mebibytes, driver, name] = /^(\d+), (\d+), ([^,]+), (.+)$/.exec(line.trim()) ?? [];
    if (index === undefined) return [];
    return [{ device: `cuda:${index}`, name: name!, memoryBytes: Number(mebibytes) * 2 ** 20, driver: driver! }];
  });
}
