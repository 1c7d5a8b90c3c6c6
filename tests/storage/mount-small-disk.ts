import { execFileSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { makeTestFolder } from "../support/make-rows.ts";

/** Mounts a tmpfs with options such as `size=64k` until the test ends, or gives undefined where that is not allowed. */
export async function mountSmallDisk(options: string): Promise<string | undefined> {
  const folder = await makeTestFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", [folder]));
  return folder;
}
