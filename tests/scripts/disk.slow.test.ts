import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCifar10, recordsPerFile } from "../support/make-cifar-10.ts";
import { runCli } from "../support/run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "cifar5m-disk-"));
const data = join(folder, "cifar-10");
const mounts = ["small", "read-only"].map((name) => join(folder, name));
const canMount = tryMount();

/** Needs root, and a container that allows it. */
function tryMount(): boolean {
  try {
    for (const path of mounts) mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", mounts[0]!], { stdio: "ignore" });
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "none", mounts[1]!], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

beforeAll(() => makeCifar10(data));
afterAll(() => {
  for (const path of mounts) {
    try {
      execFileSync("umount", [path], { stdio: "ignore" });
    } catch {
      // It was never mounted.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

const fetchInto = (root: string) =>
  runCli(["fetch", "--run", root, "--data", data, "--records-per-file", String(recordsPerFile), "--quiet"]);

describe.runIf(canMount)("disks", () => {
  test("a full disk is one line, and leaves whole files only", async () => {
    const root = join(mounts[0]!, "run");
    const { exitCode, stderr } = await fetchInto(root);
    expect(stderr).toMatch(/^disk\/full: cannot write .* \(ENOSPC\)\. Free some space.*\n$/);
    expect(exitCode).toBe(1);
    for (const name of await readdir(join(root, "cifar-10"))) expect(name).toMatch(/^data_batch_\d\.bin$/);
  });

  test("a read-only disk is one line", async () => {
    const { exitCode, stderr } = await fetchInto(join(mounts[1]!, "run"));
    expect(stderr).toMatch(/^disk\/read-only: cannot write .* \(EROFS\)\..*\n$/);
    expect(exitCode).toBe(1);
  });
});

test("a file where the run folder should be is one line", async () => {
  const { exitCode, stderr } = await fetchInto(join(data, "test_batch.bin"));
  expect(stderr).toMatch(/^disk\/not-a-folder: .*\n$/);
  expect(exitCode).toBe(1);
});

test("a run folder where no folder can be made is one line, and does not hang", async () => {
  const { exitCode, stderr } = await fetchInto("/proc/none");
  expect(stderr).toMatch(/^disk\/\S+: cannot write \/proc\/none\/.*\n$/);
  expect(exitCode).toBe(1);
});

describe.skipIf(process.platform === "win32")("inputs that never end", () => {
  test.each([
    ["a pipe that nobody writes to", "pipe"],
    ["a device", "device"],
  ])("%s is refused as every kind of input, in one line", async (_name, kind) => {
    const input = kind === "pipe" ? join(folder, "pipe") : "/dev/zero";
    if (kind === "pipe") execFileSync("mkfifo", [input]);
    const run = ["--run", join(folder, `run-${kind}`)];
    const archive = join(folder, `${kind}.npz`);
    symlinkSync(input, archive);
    const commands = [
      ["fetch", ...run, "--data", input],
      ["fetch", ...run, "--config", input],
      ["import", ...run, "--from", archive],
      ["import", ...run, "--from", input, "--format", "npz"],
      ["import", ...run, "--from", input, "--format", "cifar-10"],
      ["experiment", "run", ...run, "--config", input],
    ];
    for (const command of commands) {
      const { exitCode, stderr } = await runCli([...command, "--quiet"]);
      expect(stderr, command.join(" ")).toMatch(
        new RegExp(`^disk/not-a-file: \\S+ must be a file, it is a ${kind}\\..*\\n$`),
      );
      expect(exitCode).toBe(1);
    }
  });
});
