import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { fileExists } from "../../storage/read-file.ts";
import { downloadWheel } from "./download-wheel.ts";
import { takeFromWheel, type WheelContents } from "./take-from-wheel.ts";

/** Options of a command that sets libraries up. */
export interface SetupOptions {
  /** Path of the wheel; by default pip fetches it. */
  readonly wheel?: string;
  readonly signal: AbortSignal;
  /** Reports what is being done. */
  readonly report: (line: string) => void;
}

/**
 * Installs native libraries out of a wheel, unless they are already installed.
 * @param options.requirement - for pip: `onnxruntime-gpu==1.30.0`
 * @param options.marker - a file that is written last, with the wheel's name and version
 * @param options.prepare - checks what `finish` needs, before anything is fetched
 * @param options.finish - additional work before the marker is written
 * @returns whether anything was done
 * @throws Cifar5mError `setup/…`, `disk/…`
 */
export async function installLibraries(options: {
  readonly setup: SetupOptions;
  readonly requirement: string;
  readonly contents: WheelContents;
  readonly marker: string;
  readonly prepare?: () => Promise<void>;
  readonly finish?: () => Promise<void>;
}): Promise<boolean> {
  const { setup, requirement, contents, marker } = options;
  if (await fileExists(marker)) return false;
  requireLinuxX64();
  await options.prepare?.();
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-wheel-"));
  try {
    if (setup.wheel === undefined) setup.report(`fetching ${requirement} with pip`);
    const wheel = setup.wheel ?? (await downloadWheel({ requirement, folder, signal: setup.signal }));
    setup.report("unpacking");
    await takeFromWheel(wheel, contents);
    await options.finish?.();
    await replaceBytes(marker, "");
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws Cifar5mError `setup/unsupported` */
function requireLinuxX64(): void {
  if (process.platform === "linux" && process.arch === "x64") return;
  throw new Cifar5mError(
    "setup/unsupported",
    `these libraries can be set up on Linux on x64 only, this is ${process.platform} on ${process.arch}. Use --device cpu or webgpu.`,
  );
}
