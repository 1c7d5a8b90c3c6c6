import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { runProgram } from "../run-program.ts";

/** A version of Python with all the wheels. The extracted files are never run by Python, so any version would do. */
const pythonVersion = "3.12";
/** Platforms whose wheels run here, by the C library they need. */
const platforms = ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];

/**
 * Fetches a wheel with pip, which knows the mirrors and proxies of this machine and checks the index's hashes.
 * @param options.requirement - `onnxruntime-gpu==1.30.0`
 * @param options.folder - an empty folder for the wheel
 * @returns its path
 * @throws Cifar5mError `setup/no-pip` or `setup/download-failed`
 */
export async function downloadWheel(options: {
  readonly requirement: string;
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { requirement, folder, signal } = options;
  const args = [
    ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"],
    ...["--python-version", pythonVersion, ...platforms.flatMap((platform) => ["--platform", platform])],
    ...["--dest", folder, requirement],
  ];
  const { exitCode, output } = await runProgram("python3", args, { signal });
  if (exitCode === undefined || /No module named pip/.test(output)) {
    throw new Cifar5mError(
      "setup/no-pip",
      `${requirement} is fetched with python3 and its pip, which are not installed. Install them, or pass the file with --wheel.`,
    );
  }
  const [wheel] = (await readdir(folder)).filter((name) => name.endsWith(".whl"));
  if (exitCode === 0 && wheel !== undefined) return join(folder, wheel);
  const line = output.split("\n").findLast((text) => text.startsWith("ERROR: ")) ?? output.trim().split("\n").at(-1);
  throw new Cifar5mError(
    "setup/download-failed",
    `pip could not fetch ${requirement}: ${line?.replace("ERROR: ", "").replace(/\.$/, "")}. ` +
      "Check the network and pip's configuration, or pass the file with --wheel.",
  );
}
