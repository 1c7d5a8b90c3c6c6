import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCifar10, recordsPerFile } from "../pipeline/make-cifar-10.ts";
import { runCli } from "./run-cli.ts";

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
  expect(stderr).toMatch(/^disk\/(not-a-folder|failed): .*\n$/);
  expect(exitCode).toBe(1);
});
